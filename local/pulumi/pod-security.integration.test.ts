/** What an API server says to the pods of the stack prod in a namespace that enforces Pod Security `restricted`. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubernetesCluster, type KubernetesObject } from '../../migrations/kubernetes/cluster';
import { eventually } from '../../migrations/testing/servers';
import { offlineObjects } from './testing';

jest.setTimeout(300_000);

const cluster = KubernetesCluster.load();
const namespace = `restricted-${randomBytes(3).toString('hex')}`;
const folder = mkdtempSync(join(tmpdir(), 'pod-security-'));

beforeAll(async () => {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } };
  await cluster.apply(object, { fieldManager: 'test' });
  await eventually('the ServiceAccount that every pod has', 30_000, async () =>
    Boolean(await cluster.read('v1', 'ServiceAccount', namespace, 'default')),
  );
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await cluster.delete('v1', 'Namespace', undefined, namespace);
});

interface Template {
  readonly spec: {
    readonly volumes?: readonly object[];
    readonly initContainers?: readonly { image?: string }[];
    readonly containers: readonly { image?: string }[];
  };
}

/** The pods of an object, by name; volumes of their own as scratch space. */
function podsOf({ kind, metadata, spec }: KubernetesObject): Record<string, Template> {
  const withClaims = (template: Template, claims: readonly { metadata: { name: string } }[] = []) => {
    const volumes = claims.map(({ metadata: { name } }) => ({ name, emptyDir: {} }));
    return { spec: { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...volumes] } };
  };
  const name = metadata.name!;
  if (kind === 'StatefulSet') return { [name]: withClaims(spec.template, spec.volumeClaimTemplates) };
  if (kind === 'CronJob') return { [name]: spec.jobTemplate.spec.template };
  if (kind !== 'Elasticsearch') return {};
  const sets = spec.nodeSets as { name: string; podTemplate: Template }[];
  return Object.fromEntries(
    sets.map(({ name: set, podTemplate }) => [
      `${name}-${set}`,
      // Init containers are the operator's, which gives each a security context of its own.
      { spec: { ...podTemplate.spec, initContainers: [] } },
    ]),
  );
}

const withImage = (container: object) => ({ image: 'store:1.0', ...container });

/** A dry-run of one pod; the answer of the API server when it refuses. */
async function refusal(name: string, { spec }: Template): Promise<string | undefined> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      ...spec,
      // The stack makes its accounts and its PriorityClass; images that are left out are an operator's to choose.
      serviceAccountName: 'default',
      priorityClassName: undefined,
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(withImage) } : {}),
      containers: spec.containers.map(withImage),
    },
  };
  return cluster.apply(pod, { fieldManager: 'test', dryRun: true }).then(
    () => undefined,
    (error: Error) => `${name}: ${error.message}`,
  );
}

test('every pod of the stack prod is admitted', async () => {
  const pods = Object.assign({}, ...(await offlineObjects(folder, 'prod')).map(podsOf)) as Record<
    string,
    Template
  >;
  expect(Object.keys(pods)).toEqual(
    expect.arrayContaining([
      'elasticsearch-hot',
      'minio',
      'neo4j',
      'oxigraph',
      'qdrant',
      'redis',
      'redis-sentinel',
    ]),
  );
  const answers = await Promise.all(Object.entries(pods).map(([name, pod]) => refusal(name, pod)));
  expect(answers.filter((answer) => answer !== undefined)).toEqual([]);
});

test('a pod that breaks the standard is refused', async () => {
  const spec = { containers: [{ name: 'shell', image: 'shell:1.0' }] };
  expect(await refusal('shell', { spec })).toContain('violates PodSecurity "restricted:latest"');
});
