import { type AutoSealedVault, startAutoSealedVault } from '../../components/testing/vault-auto-seal';
import type { Tunnel } from '../../migrations/kubernetes/cluster';
import { eventually } from '../../migrations/testing/servers';
import { CopyFolder } from '../testing/copy-folder';
import { VaultDriver } from './vault';

const OPEN_WITHIN_MS = 180_000;
const PODS = ['vault-0', 'vault-1', 'vault-2'];

let vault: AutoSealedVault;
let rootToken: string;
const tunnels: Record<string, Tunnel> = {};
let copy: CopyFolder;

beforeAll(async () => {
  vault = await startAutoSealedVault();
  const { cluster, namespace } = vault.server;
  rootToken = await vault.initialize();
  for (const pod of PODS) tunnels[pod] = await cluster.forward(namespace, pod, 8200);
  await allOpen();
  await asRoot(async (client) => {
    await client.write('sys/mounts/transit', { type: 'transit' });
    await client.write('transit/keys/platform', {});
  });
  copy = new CopyFolder();
}, 360_000);
afterAll(async () => {
  copy?.remove();
  for (const tunnel of Object.values(tunnels)) await tunnel.close();
  await vault?.keeper.stop();
}, 60_000);

const asRoot = <T>(work: Parameters<typeof vault.server.use<T>>[0]) => vault.server.use(work, rootToken);

function allOpen() {
  return eventually('every server is open', OPEN_WITHIN_MS, async () =>
    (await Promise.all(PODS.map((_, ordinal) => vault.server.ready(ordinal)))).every(Boolean),
  );
}

/** Reaches one server first, whichever is the active one. */
function driverAt(pod: string): VaultDriver {
  const { host, port } = tunnels[pod]!;
  const tls = { ca: vault.server.authority.certificate, serverName: 'vault' };
  return new VaultDriver({ host, port, tls, nodes: tunnels, login: { rootToken }, unsealKey: () => '' });
}

test('a copy is made and restored through any of three servers, which stay open', async () => {
  const positions: number[] = [];
  let content: unknown;
  for (const pod of PODS) {
    copy.remove();
    copy = new CopyFolder();
    const report = await driverAt(pod).backup(copy);
    positions.push(Number(report.position));
    content ??= report.content;
    expect(report.content).toEqual(content);
  }
  expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  await asRoot((client) => client.write('transit/keys/platform/rotate', {}));
  await driverAt('vault-1').restore(copy.files);
  await eventually('every server has the copy', OPEN_WITHIN_MS, async () => {
    for (const pod of PODS) expect(await driverAt(pod).content()).toEqual(content);
    return true;
  });
  await allOpen();
}, 300_000);
