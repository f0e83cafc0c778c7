import { eventually } from '../migrations/testing/servers';
import { vaultNames } from './vault-names';
import { type ScratchVault, startVault } from '../migrations/testing/vault';
import { type AutoSealedVault, startAutoSealedVault } from './testing/vault-auto-seal';
import { configurationInputs, logIn } from './testing/vault-configuration';
import type { VaultError } from './vault-client';
import type { VaultConfigurationInputs } from './vault-configuration';
import { configureVault, diff } from './vault-configuration-provider';

const OPEN_WITHIN_MS = 60_000;
const JOINED_WITHIN_MS = 180_000;

const stateOf = async (inputs: VaultConfigurationInputs) => (await configureVault(inputs)).outs.state;
const isOpen = (server: ScratchVault) =>
  eventually('Vault is open', OPEN_WITHIN_MS, () =>
    server.use(async (vault) => (await vault.health()) === 'active'),
  );
const bootstrap = ({ namespace }: ScratchVault, token: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: vaultNames({}).bootstrapSecret, namespace },
  stringData: { token },
});

describe('seal shamir', () => {
  let server: ScratchVault;
  let inputs: VaultConfigurationInputs;
  let keys: string[];
  let rootToken: string;

  beforeAll(async () => {
    server = await startVault({ seal: 'shamir' });
    inputs = await configurationInputs(server);
  }, 180_000);
  afterAll(async () => {
    jest.restoreAllMocks();
    await server?.stop();
  }, 60_000);

  const unseal = () =>
    server.use(async (vault) => {
      for (const key of keys.slice(0, 3)) await vault.write('sys/unseal', { key });
    });

  test('waits for people, says for what, and ends the root token when it is configured', async () => {
    const said = jest.spyOn(console, 'log').mockImplementation();
    expect(await stateOf(inputs)).toBe('it waits for somebody to initialise it');
    expect(said).toHaveBeenCalledWith(
      `Vault ${server.namespace}/vault is not configured: it waits for somebody to initialise it. docs/vault.md says what to do; the next update goes on.`,
    );
    ({ keys, root_token: rootToken } = await server.use((vault) =>
      vault.write('sys/init', { secret_shares: 5, secret_threshold: 3 }),
    ));
    expect(keys).toHaveLength(5);
    expect(await stateOf(inputs)).toBe('it is sealed and waits for somebody to unseal it');
    expect(await server.ready()).toBe(false);

    await unseal();
    await isOpen(server);
    expect(await stateOf(inputs)).toBe(
      `it waits for a root token under the key \`token\` of Secret ${server.namespace}/vault-bootstrap`,
    );
    await server.apply(bootstrap(server, rootToken));
    expect(await stateOf(inputs)).toBe('configured');

    expect(await server.cluster.secret(server.namespace, 'vault-bootstrap')).toBeUndefined();
    await expect(server.use((vault) => vault.read('auth/token/lookup-self'), rootToken)).rejects.toThrow(
      'permission denied',
    );
  }, 300_000);

  test('a second run needs no root token and changes nothing', async () => {
    const { outs } = await configureVault(inputs);
    expect(outs).toEqual({ ...inputs, state: 'configured' });
    expect(await diff('x', outs, inputs)).toEqual({ changes: false });
    expect(await diff('x', { ...outs, state: 'it is sealed' }, inputs)).toEqual({ changes: true });
    expect(await diff('x', outs, { ...inputs, revision: 'other' })).toEqual({ changes: true });
  }, 120_000);

  test('what is no longer wanted is deleted, but never a key', async () => {
    const { namespace } = server;
    const more = await configurationInputs(server, {
      keys: ['platform', 'second'],
      applications: { app: [{ namespace, name: 'worker' }], readonly: [] },
    });
    const { outs } = await configureVault(more, inputs);
    await configureVault(inputs, outs);
    const { token } = await logIn(server, 'vault-configuration', 'configuration');
    const found = (path: string) =>
      server
        .use((vault) => vault.read(path), token)
        .then(
          () => true,
          (error: VaultError) => error.statusCode !== 404,
        );
    expect(await found('auth/kubernetes/role/configuration')).toBe(true);
    expect(await found('auth/kubernetes/role/app')).toBe(false);
    expect(await found('transit/keys/second')).toBe(true);
  }, 180_000);

  test('a restart seals it: it is alive, takes no requests, and is open again after three of five shares', async () => {
    await server.restart();
    expect(await server.use((vault) => vault.health())).toBe('sealed');
    expect(await server.ready()).toBe(false);
    expect(await stateOf(inputs)).toBe('it is sealed and waits for somebody to unseal it');
    await unseal();
    await isOpen(server);
    expect(await stateOf(inputs)).toBe('configured');
  }, 300_000);
});

describe('seal auto, three servers', () => {
  let vault: AutoSealedVault;
  let server: ScratchVault;
  let rootToken: string;

  beforeAll(async () => {
    vault = await startAutoSealedVault();
    ({ server } = vault);
  }, 300_000);
  afterAll(() => vault?.keeper.stop(), 60_000);

  const allReady = () =>
    eventually('every server is open', JOINED_WITHIN_MS, async () => {
      const ready = await Promise.all([0, 1, 2].map((ordinal) => server.ready(ordinal)));
      return ready.every(Boolean);
    });
  const peers = async () => {
    const { data } = await server.use((vault) => vault.read('sys/storage/raft/configuration'), rootToken);
    return data.config.servers as { node_id: string; leader: boolean; voter: boolean }[];
  };

  test('one is initialised, the others join it and open themselves', async () => {
    rootToken = await vault.initialize();
    await allReady();
    await server.use((vault) => vault.write('sys/mounts/transit', { type: 'transit' }), rootToken);
    await server.use((vault) => vault.write('transit/keys/platform', {}), rootToken);
    const voters = await eventually('all vote', JOINED_WITHIN_MS, async () => {
      const found = await peers();
      return found.length === 3 && found.every(({ voter }) => voter) && found;
    });
    expect(voters.map(({ node_id }) => node_id).sort()).toEqual(['vault-0', 'vault-1', 'vault-2']);
  }, 300_000);

  test('when the active one is gone another takes over, and the one that was deleted comes back open', async () => {
    const leader = (await peers()).find((peer) => peer.leader)!.node_id;
    const ordinal = Number(leader.split('-')[1]);
    await server.restart(ordinal);
    await allReady();
    const { data } = await eventually('another is active', OPEN_WITHIN_MS, () =>
      server.use(
        (vault) => vault.read<{ data: { latest_version: number } }>('transit/keys/platform'),
        rootToken,
      ),
    );
    expect(data.latest_version).toBe(1);
    const found = await peers();
    expect(found).toHaveLength(3);
    expect(found.filter((peer) => peer.leader)).toHaveLength(1);
  }, 300_000);
});
