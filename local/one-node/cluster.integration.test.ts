import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as https from 'node:https';
import * as path from 'node:path';
import { images } from '../../components/versions';
import { containerSecurityContext, podSecurityContext } from '../../components/metadata';
import { KubernetesCluster, type KubernetesObject } from '../../migrations/kubernetes/cluster';
import { waitFor } from '../process';
import { startOneNodeCluster } from './cluster';
import { clusterLayout } from './layout';
import { isDeciding } from './network-policies';

const [kind, name = ''] = (process.env.AGENT_DATA_PLATFORM_CLUSTER ?? '').split(':');
const namespace = `one-node-${randomBytes(4).toString('hex')}`;
const apply = { fieldManager: 'one-node-test' };

// On another cluster none of this is ours to test.
(kind === 'one-node' ? describe : describe.skip)('the one-node cluster', () => {
  let cluster: KubernetesCluster;
  beforeAll(async () => {
    cluster = KubernetesCluster.load();
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await cluster.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
      apply,
    );
  });
  afterAll(() => cluster.delete('v1', 'Namespace', undefined, namespace));

  const pod = (podName: string, container: object, spec: object = {}): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name: podName, labels: { app: podName } },
    spec: {
      securityContext: podSecurityContext(999),
      ...spec,
      containers: [
        { name: 'main', image: images.redis, securityContext: containerSecurityContext(), ...container },
      ],
    },
  });

  const phase = (podName: string, wanted: string) =>
    waitFor(
      async () => {
        const found = await cluster.read('v1', 'Pod', namespace, podName);
        return found?.status?.phase === wanted ? found : undefined;
      },
      60_000,
      250,
    );

  test('starting it again returns at once, with the kubeconfig of its own context', async () => {
    const begin = performance.now();
    const { kubeconfig } = await startOneNodeCluster(name);
    expect(performance.now() - begin).toBeLessThan(5_000);
    const own = KubernetesCluster.load({ kubeconfig: fs.readFileSync(kubeconfig, 'utf8') });
    expect(own.config.getCurrentContext()).toBe(`agent-data-platform-${name}`);
    expect(fs.statSync(kubeconfig).mode & 0o777).toBe(0o600);
  }, 30_000);

  test('a pod keeps data in a volume, and another one reaches it by the name of its Service', async () => {
    await cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { namespace, name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
      apply,
    );
    await cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { namespace, name: 'server' },
        spec: { selector: { app: 'server' }, ports: [{ port: 6379 }] },
      },
      apply,
    );
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
    const volumeMounts = [{ name: 'data', mountPath: '/data' }];
    const args = ['--dir', '/data', '--appendonly', 'yes', '--protected-mode', 'no'];
    // "Always" would look for a registry that there is none of: the cluster's policy makes it IfNotPresent.
    await cluster.apply(pod('server', { args, volumeMounts, imagePullPolicy: 'Always' }, { volumes }), apply);
    const script = `until redis-cli -h server.${namespace}.svc.cluster.local set key value; do sleep 0.2; done`;
    await cluster.apply(pod('client', { command: ['sh', '-c', script] }, { restartPolicy: 'Never' }), apply);

    const server = await phase('server', 'Running');
    expect(server.spec.containers[0].imagePullPolicy).toBe('IfNotPresent');
    await phase('client', 'Succeeded');
    const claim = await cluster.read('v1', 'PersistentVolumeClaim', namespace, 'data');
    expect(claim?.spec.storageClassName).toBe('local-path');
    const { volumes: folder } = clusterLayout(name);
    expect(fs.readdirSync(folder)).toContain(`${claim?.spec.volumeName}_${namespace}_data`);
  }, 120_000);

  test('a pod that runs as root is refused where the namespace says restricted', async () => {
    const privileged = pod('privileged', { securityContext: { privileged: true } });
    await expect(cluster.apply(privileged, apply)).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('violates PodSecurity "restricted:latest"'),
    });
  });

  test('new connections of pods wait for the network policies', () => expect(isDeciding()).toBe(true));

  test('a Secret is encrypted in etcd', async () => {
    const stringData = { password: 'correct horse battery staple' };
    await cluster.apply(
      { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'credentials' }, stringData },
      apply,
    );
    expect((await cluster.secret(namespace, 'credentials'))?.password).toBe(stringData.password);
    const stored = await etcdValue(`/registry/secrets/${namespace}/credentials`);
    expect(stored.subarray(0, 25).toString()).toBe('k8s:enc:secretbox:v1:key1');
    expect(stored.includes(stringData.password)).toBe(false);
  });
});

/** Value of a key, by etcd's JSON gateway. */
async function etcdValue(key: string): Promise<Buffer> {
  const { pki } = clusterLayout(name);
  const read = (file: string) => fs.readFileSync(path.join(pki, file));
  const body = await new Promise<string>((resolve, reject) => {
    const request = https.request('https://127.0.0.1:2379/v3/kv/range', {
      method: 'POST',
      ca: read('etcd-ca.crt'),
      cert: read('apiserver-etcd-client.crt'),
      key: read('apiserver-etcd-client.key'),
    });
    request.on('error', reject).on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text));
    });
    request.end(JSON.stringify({ key: Buffer.from(key).toString('base64') }));
  });
  return Buffer.from(JSON.parse(body).kvs[0].value, 'base64');
}
