/** Tunnels lead only to ready pods of the namespace that was asked for. */
import { randomBytes } from 'node:crypto';
import { connectionReference } from '../connections';
import { connect } from '../provider/connection';
import { KubernetesCluster } from './cluster';
import { openTunnel } from './tunnel';

const cluster = KubernetesCluster.load();
const id = randomBytes(3).toString('hex');
const [own, other] = [`hostile-own-${id}`, `hostile-other-${id}`] as const;
const apply = (object: object) =>
  cluster.apply(object as Parameters<typeof cluster.apply>[0], { fieldManager: 'test' });

beforeAll(async () => {
  for (const name of [own, other]) await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'forged',
      namespace: own,
      labels: { 'kubernetes.io/service-name': 'postgres-rw' },
    },
    addressType: 'IPv4',
    ports: [{ name: 'postgres', port: 5432 }],
    endpoints: [
      {
        addresses: ['10.0.0.1'],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', namespace: other, name: 'listener' },
      },
    ],
  });
});
afterAll(async () => {
  for (const name of [own, other]) await cluster.delete('v1', 'Namespace', undefined, name);
});

test('an endpoint that names a pod of another namespace gets no connection', async () => {
  await expect(cluster.forwardService(own, 'postgres-rw', 5432)).rejects.toMatchObject({
    reason: 'ForeignEndpoint',
    message: `Service ${own}/postgres-rw leads to pod listener of namespace ${other}: nothing is sent there. Remove the EndpointSlice forged.`,
  });
});

test('a namespace without the store is one sentence with the fix, before any credential is sent', async () => {
  await expect(cluster.forwardService(other, 'postgres-rw', 5432)).rejects.toMatchObject({
    reason: 'NoEndpoint',
    message: `Service ${other}/postgres-rw has no ready pod to connect to. Check the namespace, and that the store runs.`,
  });
  const reference = connectionReference('postgres', { namespace: other });
  await expect(
    connect({ store: 'postgres', database: 'platform', reference, holder: 'test', budgetMs: 1000 }),
  ).rejects.toThrow(`Secret ${other}/postgres-owner does not exist.`);
});

test.each([
  ['namespace', { namespace: '../kube-system' }, '"../kube-system"'],
  ['namespace', { namespace: 'a/pods/b?x=' }, '"a/pods/b?x="'],
  ['pod', { pod: 'etcd/exec' }, '"etcd/exec"'],
])('a %s that would change the path is refused', async (what, change, got) => {
  const end = { namespace: own, pod: 'postgres-1', port: 5432, ...change };
  await expect(openTunnel(cluster.config, end)).rejects.toThrow(
    `A tunnel's ${what} must be the name of a Kubernetes object, got ${got}.`,
  );
});

test('a name that would widen the search for endpoints is none of a Service', async () => {
  await expect(cluster.forwardService(own, 'x,app=other', 5432)).rejects.toMatchObject({
    reason: 'Invalid',
    message: '"x,app=other" is no name of a Service.',
  });
});
