import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { KubernetesCluster, KubernetesError } from '../../migrations/kubernetes/cluster';
import { InMemoryCluster } from './in-memory-cluster';
import { manifestPath } from './manifest';
import { BundleState, check, create, diff, read, remove, update } from './provider';

const namespaceRef = 'v1 Namespace ops';
const deploymentRef = 'apps/v1 Deployment ops/controller';
const roleRef = 'rbac.authorization.k8s.io/v1 ClusterRole operator';
const namespaceText = '{ apiVersion: v1, kind: Namespace, metadata: { name: ops } }';
const roleText =
  '{ apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: { name: operator } }';
const deploymentText = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: controller, namespace: ops, labels: { app.kubernetes.io/name: operator } }
spec: { replicas: 1, selector: {}, template: { spec: { containers: [{ name: c, image: example.org/o:1 }] } } }
`;

describe('the provider of manifest bundles', () => {
  const inherited = process.env.AGENT_DATA_PLATFORM_CACHE;
  let cluster: InMemoryCluster;
  let cache: string;
  let said: string[];

  beforeEach(() => {
    cache = fs.mkdtempSync(path.join(os.tmpdir(), 'provider-test-'));
    process.env.AGENT_DATA_PLATFORM_CACHE = cache;
    cluster = new InMemoryCluster();
    jest.spyOn(KubernetesCluster, 'load').mockImplementation(() => cluster.asCluster());
    said = [];
    jest.spyOn(console, 'log').mockImplementation((line) => said.push(line));
  });
  afterEach(() => {
    fs.rmSync(cache, { recursive: true });
    if (inherited === undefined) delete process.env.AGENT_DATA_PLATFORM_CACHE;
    else process.env.AGENT_DATA_PLATFORM_CACHE = inherited;
    jest.restoreAllMocks();
  });

  function release(...documents: string[]) {
    const text = documents.join('\n---\n');
    const sha256 = createHash('sha256').update(text).digest('hex');
    fs.mkdirSync(path.dirname(manifestPath(sha256)), { recursive: true });
    fs.writeFileSync(manifestPath(sha256), text);
    return { url: 'https://example.org/operator.yaml', sha256 };
  }

  it('keeps names, not the manifest, in the state', async () => {
    const inputs = release(namespaceText, deploymentText);
    expect(await create(inputs)).toEqual({
      id: `manifest-bundle-${inputs.sha256.slice(0, 12)}`,
      outs: { ...inputs, objects: [namespaceRef, deploymentRef], missing: [] },
    });
  });

  it('lists in a preview what would be applied, and nothing when nothing changed', async () => {
    const inputs = release(namespaceText, deploymentText);
    expect(await check({}, inputs)).toEqual({ inputs, failures: [] });
    expect(said).toEqual([
      `operator manifest: 2 objects to apply from ${inputs.url}`,
      'operator manifest:   Namespace ops',
      'operator manifest:   Deployment ops/controller',
    ]);
    said.length = 0;
    await check(inputs, inputs);
    expect(said).toEqual([]);
    expect(cluster.calls).toEqual([]);
  });

  it('fails a preview over an operator of somebody else', async () => {
    const inputs = release(namespaceText, deploymentText);
    await create(inputs);
    cluster.objects.get(deploymentRef)!.metadata.managedFields = [{ manager: 'helm' }];
    expect((await check({}, inputs)).failures).toEqual([
      {
        property: 'url',
        reason: `The cluster already has ${deploymentRef}, managed by helm: set operators to "existing" to use it, or remove it first.`,
      },
    ]);
  });

  it('goes on in a preview without a cluster, and says so', async () => {
    const inputs = release(namespaceText, deploymentText);
    jest.spyOn(cluster, 'list').mockRejectedValue(new KubernetesError(0, 'Unreachable', 'no route'));
    expect((await check({}, inputs)).failures).toEqual([]);
    expect(said.at(-1)).toBe('operator manifest: not compared with the cluster: no route');
  });

  it('refuses malformed inputs before it fetches anything', async () => {
    const { failures } = await check({}, { url: 'http://example.org/x.yaml', sha256: '12' });
    expect(failures).toEqual([
      { property: 'url', reason: 'must be an https:// address, got "http://example.org/x.yaml"' },
      { property: 'sha256', reason: 'must be 64 hexadecimal digits, got "12"' },
    ]);
  });

  it('saves what exists when the creation fails half-way', async () => {
    const inputs = release(namespaceText, deploymentText);
    cluster.failures.set(`apply ${deploymentRef}`, [new KubernetesError(403, 'Forbidden', 'quota exceeded')]);
    await expect(create(inputs)).rejects.toMatchObject({
      message: 'quota exceeded',
      id: `manifest-bundle-${inputs.sha256.slice(0, 12)}`,
      properties: { ...inputs, objects: [namespaceRef, deploymentRef], missing: [deploymentRef] },
      reasons: ['quota exceeded'],
    });
  });

  it('saves nothing when nothing was created', async () => {
    const inputs = release(namespaceText);
    cluster.failures.set(`apply ${namespaceRef}`, [new KubernetesError(0, 'Unreachable', 'no route')]);
    const error = await create(inputs).catch((caught) => caught);
    expect(error.message).toBe('no route');
    expect(error).not.toHaveProperty('id');
  });

  it('removes on an update what is no longer in the manifest', async () => {
    const { id, outs } = await create(release(namespaceText, roleText, deploymentText));
    const next = release(namespaceText, deploymentText);
    expect(await diff(id, outs, next)).toEqual({ changes: true });
    expect(await update(id, outs, next)).toEqual({
      outs: { ...next, objects: [namespaceRef, deploymentRef], missing: [] },
    });
    expect([...cluster.objects.keys()]).toEqual([namespaceRef, deploymentRef]);
  });

  it('shows an object that somebody deleted as a change, and nothing otherwise', async () => {
    const inputs = release(namespaceText, roleText);
    const { id, outs } = await create(inputs);
    expect(await read(id, outs)).toEqual({ id, props: outs });
    expect(await diff(id, outs, inputs)).toEqual({ changes: false });
    cluster.objects.delete(roleRef);
    const refreshed = await read(id, outs);
    expect(refreshed).toEqual({ id, props: { ...outs, missing: [roleRef] } });
    expect(await diff(id, refreshed.props as BundleState, inputs)).toEqual({ changes: true });
    cluster.objects.clear();
    expect(await read(id, outs)).toEqual({ id: '', props: {} });
  });

  it('deletes every object', async () => {
    const { id, outs } = await create(release(namespaceText, deploymentText));
    await remove(id, outs);
    expect([...cluster.objects.keys()]).toEqual([]);
  });
});
