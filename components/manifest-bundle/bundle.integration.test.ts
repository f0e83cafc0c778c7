import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { KubernetesCluster } from '../../migrations/kubernetes/cluster';
import { manifestPath } from './manifest';
import { BundleState, create, diff, read, remove, update } from './provider';

jest.setTimeout(120_000);

const namespace = `bundle-test-${process.pid}`;
const group = `bundle-test-${process.pid}.example.org`;
const documents = {
  role: `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: ${namespace} }
rules: []`,
  config: `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: ${namespace} }
data: { level: info }`,
  definition: `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { kind: Thing, plural: things, singular: thing }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object } } } }`,
  namespace: `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }`,
};

describe('a manifest bundle on a real API server', () => {
  const inherited = process.env.AGENT_DATA_PLATFORM_CACHE;
  const cache = fs.mkdtempSync(path.join(os.tmpdir(), 'bundle-test-'));
  let cluster: KubernetesCluster;
  let said: string[];
  let state: BundleState;
  let id: string;

  beforeAll(() => {
    process.env.AGENT_DATA_PLATFORM_CACHE = cache;
    cluster = KubernetesCluster.load();
  });
  beforeEach(() => {
    said = [];
    jest.spyOn(console, 'log').mockImplementation((line) => said.push(line));
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await cluster.delete('v1', 'Namespace', undefined, namespace);
    await cluster.delete('apiextensions.k8s.io/v1', 'CustomResourceDefinition', undefined, `things.${group}`);
    await cluster.delete('rbac.authorization.k8s.io/v1', 'ClusterRole', undefined, namespace);
    fs.rmSync(cache, { recursive: true });
    if (inherited === undefined) delete process.env.AGENT_DATA_PLATFORM_CACHE;
    else process.env.AGENT_DATA_PLATFORM_CACHE = inherited;
  });

  function release(...parts: string[]) {
    const text = parts.join('\n---');
    const sha256 = createHash('sha256').update(text).digest('hex');
    fs.mkdirSync(path.dirname(manifestPath(sha256)), { recursive: true });
    fs.writeFileSync(manifestPath(sha256), text);
    return { url: 'https://example.org/things.yaml', sha256 };
  }

  const settings = () => cluster.read('v1', 'ConfigMap', namespace, 'settings');
  const thing = {
    apiVersion: `${group}/v1`,
    kind: 'Thing',
    metadata: { name: 'precious', namespace },
    spec: {},
  };

  it('is created whatever the order of its documents', async () => {
    const inputs = release(documents.role, documents.config, documents.definition, documents.namespace);
    const probe = { ...thing, metadata: { name: 'probe', namespace } };
    ({ id, outs: state } = await create({ ...inputs, probe }));
    expect((await settings())?.data).toEqual({ level: 'info' });
    expect(await cluster.list(`${group}/v1`, 'Thing', namespace)).toEqual([]);
    expect(await diff(id, state, { ...inputs, probe })).toEqual({ changes: false });
  });

  it('finds and repairs what somebody deleted', async () => {
    // In the foreground it would still be there for a moment.
    await cluster.delete('v1', 'ConfigMap', namespace, 'settings', { propagationPolicy: 'Background' });
    const refreshed = (await read(id, state)).props as BundleState;
    expect(refreshed.missing).toEqual([`v1 ConfigMap ${namespace}/settings`]);
    ({ outs: state } = await update(id, refreshed, state));
    expect((await settings())?.data).toEqual({ level: 'info' });
    expect(state.missing).toEqual([]);
  });

  it('removes what a new version no longer has', async () => {
    const next = release(documents.namespace, documents.definition, documents.role);
    ({ outs: state } = await update(id, state, next));
    expect(await settings()).toBeUndefined();
    expect(state.objects).toHaveLength(3);
  });

  it('is deleted except for what holds data', async () => {
    await cluster.apply(thing, { fieldManager: 'a-team' });
    await remove(id, state);
    expect(said.filter((line) => line.includes('warning'))).toHaveLength(2);
    expect(await cluster.read(thing.apiVersion, 'Thing', namespace, 'precious')).toMatchObject({
      metadata: { name: 'precious' },
    });
    expect((await read(id, state)).props).toMatchObject({
      missing: [`rbac.authorization.k8s.io/v1 ClusterRole ${namespace}`],
    });
  });

  it('is deleted completely once nothing is left in it', async () => {
    await cluster.delete(thing.apiVersion, 'Thing', namespace, 'precious', {
      propagationPolicy: 'Background',
    });
    await remove(id, state);
    expect(await read(id, state)).toEqual({ id: '', props: {} });
  });
});
