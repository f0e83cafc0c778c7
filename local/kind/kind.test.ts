import { bringUp, kindRelease, kindStatus, loadKindImage, stopKindCluster, type Execute } from './kind';

const COMMAND = { kind: '/tools/kind', name: 'adp', kubeconfig: '/state/adp.kubeconfig' };

/** A Docker and kind that know the containers given, and note the commands that change something. */
function machine(containers: Record<string, boolean>, options: { cluster: boolean; networks: object }) {
  const state = { ...containers };
  const changes: string[] = [];
  const inputs: string[] = [];
  const execute: Execute = (command, args, input) => {
    const line = args.join(' ');
    if (line === 'get clusters') return Promise.resolve(options.cluster ? 'other\nadp\n' : 'other\n');
    if (line === 'get nodes --name adp') return Promise.resolve('adp-control-plane\n');
    if (line.startsWith('ps --all')) return Promise.resolve(Object.keys(state).join('\n'));
    if (line.startsWith('inspect --format {{.State.Running}}'))
      return Promise.resolve(`${state[args.at(-1)!] ?? false}\n`);
    if (line.startsWith('inspect --format {{json')) return Promise.resolve(JSON.stringify(options.networks));
    changes.push(`${command.split('/').at(-1)} ${line}`);
    if (input !== undefined) inputs.push(input);
    if (args[0] === 'create') state['adp-control-plane'] = true;
    if (args[0] === 'start') state[args[1]!] = true;
    return Promise.resolve('');
  };
  return { execute, changes, inputs };
}

const CERTS = '/etc/containerd/certs.d/localhost:5001';

test('a new cluster gets a registry that both this machine and the nodes reach', async () => {
  const { execute, changes, inputs } = machine({}, { cluster: false, networks: { bridge: {} } });
  expect(await bringUp(COMMAND, execute)).toEqual({ created: true });
  expect(changes).toEqual([
    'docker run --detach --restart=always --publish 127.0.0.1:5001:5000 --name agent-data-platform-registry registry:3',
    'kind create cluster --name adp --kubeconfig /state/adp.kubeconfig --wait 120s --config -',
    `docker exec adp-control-plane mkdir -p ${CERTS}`,
    `docker exec -i adp-control-plane cp /dev/stdin ${CERTS}/hosts.toml`,
    'kind export kubeconfig --name adp --kubeconfig /state/adp.kubeconfig',
    'docker network connect kind agent-data-platform-registry',
  ]);
  expect(inputs).toEqual([
    '{"kind":"Cluster","apiVersion":"kind.x-k8s.io/v1alpha4"}',
    '[host."http://agent-data-platform-registry:5000"]\n',
  ]);
});

test('a stopped cluster is started again and not created', async () => {
  const containers = { 'agent-data-platform-registry': false, 'adp-control-plane': false };
  const { execute, changes } = machine(containers, { cluster: true, networks: { kind: {} } });
  expect(await bringUp(COMMAND, execute)).toEqual({ created: false });
  expect(changes).toEqual([
    'docker start agent-data-platform-registry',
    'docker start adp-control-plane',
    `docker exec adp-control-plane mkdir -p ${CERTS}`,
    `docker exec -i adp-control-plane cp /dev/stdin ${CERTS}/hosts.toml`,
    'kind export kubeconfig --name adp --kubeconfig /state/adp.kubeconfig',
  ]);
});

test('an image is built with Docker and put on the nodes', async () => {
  const { execute, changes } = machine({}, { cluster: true, networks: {} });
  const image = { image: 'data/minio:1', dockerfile: '/project/Dockerfile', context: '/project/minio' };
  await loadKindImage('adp', image, COMMAND.kind, execute);
  expect(changes).toEqual([
    'docker build --tag data/minio:1 --file /project/Dockerfile /project/minio',
    'kind load docker-image data/minio:1 --name adp',
  ]);
});

test('stopping stops the containers that run and deletes nothing', async () => {
  const containers = { 'agent-data-platform-registry': false, 'adp-control-plane': true };
  const { execute, changes } = machine(containers, { cluster: true, networks: {} });
  await stopKindCluster('adp', '/tools/kind', execute);
  expect(changes).toEqual(['docker stop adp-control-plane']);
});

test('the status tells absent, stopped and running apart', async () => {
  const status = (cluster: boolean, running: boolean) =>
    kindStatus(
      'adp',
      '/tools/kind',
      machine({ 'adp-control-plane': running }, { cluster, networks: {} }).execute,
    );
  expect(await status(false, false)).toBe('absent');
  expect(await status(true, false)).toBe('stopped');
  expect(await status(true, true)).toBe('running');
});

test('the release binary is named after the machine', () => {
  expect(kindRelease('linux', 'x64')).toEqual({
    name: 'kind-linux-amd64',
    url: 'https://github.com/kubernetes-sigs/kind/releases/download/v0.30.0/kind-linux-amd64',
  });
  expect(kindRelease('darwin', 'arm64').name).toBe('kind-darwin-arm64');
});
