import { KubernetesError, KubernetesObject } from '../../migrations/kubernetes/cluster';
import { applyBundle, assertNotForeign, isOffline, missingObjects } from './engine';
import { InMemoryCluster } from './in-memory-cluster';
import { refOf } from './object-ref';
import { removeObjects } from './removal';

const object = (apiVersion: string, kind: string, name: string, rest: object = {}): KubernetesObject => ({
  apiVersion,
  kind,
  metadata: { name, generation: 1 },
  ...rest,
});
const inOps = { metadata: { name: 'controller', namespace: 'ops', generation: 1 } };
const webhook = object(
  'admissionregistration.k8s.io/v1',
  'ValidatingWebhookConfiguration',
  'operator-validating',
);
const deployment = object('apps/v1', 'Deployment', 'controller', {
  ...inOps,
  metadata: { ...inOps.metadata, labels: { 'app.kubernetes.io/name': 'operator' } },
  spec: { replicas: 1, selector: { matchLabels: {} } },
});
const definition = object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'things.example.org', {
  spec: { group: 'example.org', names: { kind: 'Thing' }, versions: [{ name: 'v1', served: true }] },
});
const namespace = object('v1', 'Namespace', 'ops');
const bundle = [webhook, deployment, definition, namespace];
const thing = object('example.org/v1', 'Thing', 'precious', {
  metadata: { name: 'precious', namespace: 'team-a' },
});
const quiet = { report: () => undefined };
const creation = [
  'apply v1 Namespace ops',
  'apply apiextensions.k8s.io/v1 CustomResourceDefinition things.example.org',
  'apply apps/v1 Deployment ops/controller',
  'apply admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration operator-validating',
];

it('applies what others need first, then waits until the webhooks answer', async () => {
  const cluster = new InMemoryCluster();
  const probe = { ...thing, metadata: { name: 'probe', namespace: 'ops' } };
  cluster.failures.set('dry-run example.org/v1 Thing ops/probe', [
    new KubernetesError(500, 'InternalError', 'failed calling webhook: connection refused'),
  ]);
  await applyBundle(cluster.asCluster(), bundle, { ...quiet, probe });
  expect(cluster.calls).toEqual([
    ...creation,
    'dry-run example.org/v1 Thing ops/probe',
    'dry-run example.org/v1 Thing ops/probe',
  ]);
});

it('stops at the first refusal and has told what exists by then', async () => {
  const cluster = new InMemoryCluster();
  cluster.failures.set(creation[2]!, [new KubernetesError(403, 'Forbidden', 'quota exceeded')]);
  const applied: string[] = [];
  await expect(
    applyBundle(cluster.asCluster(), bundle, { ...quiet, onApplied: ({ name }) => applied.push(name) }),
  ).rejects.toThrow('quota exceeded');
  expect(applied).toEqual(['ops', 'things.example.org']);
});

it('finds the objects that are gone', async () => {
  const cluster = new InMemoryCluster([namespace, webhook, definition]);
  expect(await missingObjects(cluster.asCluster(), bundle.map(refOf))).toEqual([refOf(deployment)]);
});

describe('an operator that is there already', () => {
  const managedBy = (manager: string) => ({
    ...deployment,
    metadata: { ...deployment.metadata, namespace: 'elsewhere', managedFields: [{ manager }] },
  });

  it('is not taken over from somebody else', async () => {
    const cluster = new InMemoryCluster([managedBy('helm')]);
    await expect(assertNotForeign(cluster.asCluster(), bundle)).rejects.toThrow(
      'The cluster already has apps/v1 Deployment elsewhere/controller, managed by helm: set operators to "existing" to use it, or remove it first.',
    );
  });

  it('is taken up again when it is our own', async () => {
    const cluster = new InMemoryCluster([managedBy('agent-data-platform')]);
    await expect(assertNotForeign(cluster.asCluster(), bundle)).resolves.toBeUndefined();
  });
});

describe('removal', () => {
  const removal = [
    'delete admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration operator-validating',
    'delete apps/v1 Deployment ops/controller',
    'delete apiextensions.k8s.io/v1 CustomResourceDefinition things.example.org',
    'delete v1 Namespace ops',
  ];

  it('deletes in reverse order and leaves nothing', async () => {
    const cluster = new InMemoryCluster(bundle);
    expect(await removeObjects(cluster.asCluster(), bundle.map(refOf), quiet.report)).toEqual([]);
    expect(cluster.calls).toEqual(removal);
    expect(cluster.objects.size).toBe(0);
  });

  it('keeps a definition of which an object is left, and says how to remove it', async () => {
    const cluster = new InMemoryCluster([...bundle, thing]);
    const warnings = await removeObjects(cluster.asCluster(), bundle.map(refOf), quiet.report);
    expect(warnings).toEqual([
      'kept CustomResourceDefinition things.example.org, because it still holds example.org/v1 Thing team-a/precious; once they are not needed, delete them and run: kubectl delete customresourcedefinition things.example.org',
    ]);
    expect(cluster.calls).toEqual(removal.filter((call) => !call.includes('CustomResourceDefinition')));
    expect([...cluster.objects.values()]).toEqual([definition, thing]);
  });

  it('keeps the namespace of a custom resource that is left', async () => {
    const own = { ...thing, metadata: { name: 'precious', namespace: 'ops' } };
    const cluster = new InMemoryCluster([...bundle, own]);
    await removeObjects(cluster.asCluster(), bundle.map(refOf), quiet.report);
    expect([...cluster.objects.values()]).toEqual([definition, namespace, own]);
  });

  it('keeps a namespace with a volume claim', async () => {
    const claim = object('v1', 'PersistentVolumeClaim', 'data', {
      metadata: { name: 'data', namespace: 'ops' },
    });
    const cluster = new InMemoryCluster([...bundle, claim]);
    expect(await removeObjects(cluster.asCluster(), bundle.map(refOf), quiet.report)).toEqual([
      'kept Namespace ops, because it still holds v1 PersistentVolumeClaim ops/data; once they are not needed, delete them and run: kubectl delete namespace ops',
    ]);
    expect([...cluster.objects.values()]).toEqual([namespace, claim]);
  });
});

describe('isOffline', () => {
  const before = process.env.AGENT_DATA_PLATFORM_OFFLINE;
  afterEach(() => {
    if (before === undefined) delete process.env.AGENT_DATA_PLATFORM_OFFLINE;
    else process.env.AGENT_DATA_PLATFORM_OFFLINE = before;
  });
  const offline = (reason: string) => isOffline(new KubernetesError(0, reason, 'x'));

  it('is a cluster that does not answer, or none at all; not a refusal', () => {
    expect([offline('Unreachable'), offline('NoCluster'), offline('Forbidden')]).toEqual([true, true, false]);
    expect(isOffline(new Error('x'))).toBe(false);
  });

  it('takes an unknown context for a mistake, unless the preview is rendered offline', () => {
    delete process.env.AGENT_DATA_PLATFORM_OFFLINE;
    expect(offline('NoContext')).toBe(false);
    process.env.AGENT_DATA_PLATFORM_OFFLINE = '1';
    expect(offline('NoContext')).toBe(true);
  });
});
