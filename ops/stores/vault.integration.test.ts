import { readFileSync } from 'node:fs';
import { vaultNames } from '../../components/vault-names';
import { gunzipSync } from 'node:zlib';
import {
  configurationInputs,
  logIn,
  serviceAccountToken,
} from '../../components/testing/vault-configuration';
import { configureVault } from '../../components/vault-configuration-provider';
import { initializeVault } from '../../components/vault-initialization-provider';
import type { Tunnel } from '../../migrations/kubernetes/cluster';
import { eventually } from '../../migrations/testing/servers';
import { type ScratchVault, startVault } from '../../migrations/testing/vault';
import { startScratchStore } from '../scratch/scratch-stores';
import { startScratchVault } from '../scratch/scratch-vault';
import { CopyFolder } from '../testing/copy-folder';
import { VaultDriver } from './vault';

jest.setTimeout(240_000);

const SNAPSHOT = 'vault.snap';
const PLAINTEXT = Buffer.from('+43 660 1234567').toString('base64');
const { configurationAccount, unsealSecret, bootstrapSecret } = vaultNames({});

/** A configured Vault of a platform of its own. */
interface Platform {
  readonly vault: ScratchVault;
  readonly tunnel: Tunnel;
  readonly unsealKey: string;
  readonly rootToken: string;
}

let source: Platform;
let second: Platform;
let copy: CopyFolder;

beforeAll(async () => {
  [source, second] = await Promise.all([configuredVault(), configuredVault()]);
}, 360_000);
afterAll(async () => {
  for (const platform of [source, second]) {
    await platform?.tunnel.close();
    await platform?.vault.stop();
  }
}, 120_000);
beforeEach(() => (copy = new CopyFolder()));
afterEach(() => copy.remove());

async function configuredVault(): Promise<Platform> {
  const vault = await startVault({ seal: 'dev-auto' });
  const { namespace, cluster, reference } = vault;
  await vault.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'backup', namespace } });
  await initializeVault({ ...reference, unsealSecret, bootstrapSecret });
  const { unsealKey } = (await cluster.secret(namespace, unsealSecret))!;
  const { token: rootToken } = (await cluster.secret(namespace, bootstrapSecret))!;
  const { outs } = await configureVault(await configurationInputs(vault));
  expect(outs.state).toBe('configured');
  const tunnel = await cluster.forward(namespace, 'vault-0', 8200);
  return { vault, tunnel, unsealKey: unsealKey!, rootToken: rootToken! };
}

/** @param account Whose tokens it logs in with. */
async function driverOf({ vault, tunnel }: Platform, unsealKey = '', account = configurationAccount) {
  const jwt = await serviceAccountToken(vault, account);
  const tls = { ca: vault.authority.certificate, serverName: 'vault' };
  const { host, port } = tunnel;
  return new VaultDriver({ host, port, tls, login: { jwt: () => jwt }, unsealKey: () => unsealKey });
}

const contentOf = async (platform: Platform) => (await driverOf(platform)).content();
const administratorOf = async ({ vault }: Platform) =>
  (await logIn(vault, configurationAccount, 'configuration')).token;
const rotate = async (platform: Platform) => {
  const token = await administratorOf(platform);
  await platform.vault.use((client) => client.write('transit/keys/platform/rotate', {}), token);
};
const versionsOf = async (platform: Platform) => (await contentOf(platform))['transit/platform']!.count;

/** Uses the key as an application may, which is a role that the tests have no other use for. */
async function transit(platform: Platform, use: 'encrypt' | 'decrypt', body: object): Promise<string> {
  const { vault } = platform;
  const { namespace } = vault;
  const role = 'app';
  const applications = { app: [{ namespace, name: 'worker' }], readonly: [] };
  await vault.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'worker', namespace } });
  const before = await configurationInputs(vault);
  const inputs = await configurationInputs(vault, { applications });
  await configureVault(inputs, before);
  const { token } = await logIn(vault, 'worker', role);
  const { data } = await vault.use((client) => client.write(`transit/${use}/platform`, body), token);
  await configureVault(before, inputs);
  return use === 'encrypt' ? data.ciphertext : data.plaintext;
}

describe('an older copy in the same Vault', () => {
  test('brings back what it had, without keys being asked for, and lets in whom it let in', async () => {
    const ciphertext = await transit(source, 'encrypt', { plaintext: PLAINTEXT });
    const report = await (await driverOf(source, '', 'backup')).backup(copy);
    expect(report.serverVersion).toMatch(/^1\.\d+\.\d+/);
    expect(Number(report.position)).toBeGreaterThan(10);
    expect(report.content).toMatchObject({
      engines: { count: 2 },
      'auth methods': { count: 1 },
      policies: { count: 5 },
      'roles of applications': { count: 3 },
      'transit/platform': { count: 1 },
    });
    await rotate(source);
    expect(await versionsOf(source)).toBe(2);

    const driver = await driverOf(source);
    await driver.restore(copy.files);
    expect(await driver.content()).toEqual(report.content);
    expect(driver.unreadable).toBeUndefined();
    expect(await transit(source, 'decrypt', { ciphertext })).toBe(PLAINTEXT);
  });

  test('that is damaged is refused and changes nothing', async () => {
    await (await driverOf(source)).backup(copy);
    await rotate(source);
    const before = await contentOf(source);
    const restore = async (files: typeof copy.files) => (await driverOf(source)).restore(files);
    await expect(restore(copy.without('inventory.json'))).rejects.toThrow('The copy has no inventory.json');
    await expect(restore(copy.without(SNAPSHOT))).rejects.toThrow(`The copy has no ${SNAPSHOT}`);
    await copy.damage(SNAPSHOT);
    await expect(restore(copy.files)).rejects.toThrow(/^vault\.snap is not what was copied/);
    copy.truncate(SNAPSHOT);
    await expect(restore(copy.files)).rejects.toThrow(/^vault\.snap is not what was copied/);
    expect(await contentOf(source)).toEqual(before);
  });

  test('is of one state, also when keys get versions while it is made', async () => {
    let rotated = false;
    const report = await (
      await driverOf(source)
    ).backup({
      write: async (name, chunks) => {
        if (name === SNAPSHOT && !rotated) {
          rotated = true;
          await rotate(source);
        }
        return copy.write(name, chunks);
      },
    });
    expect(rotated).toBe(true);
    expect(report.content).toEqual(await contentOf(source));
  });
});

describe('the login of copies', () => {
  test('reads the snapshot, and neither secrets nor a way to others', async () => {
    const { vault } = source;
    const { token } = await logIn(vault, 'backup', 'backup');
    const refused = async (method: 'read' | 'write' | 'delete', path: string) =>
      expect(vault.use((client) => client[method](path, {}), token)).rejects.toThrow('permission denied');
    await refused('write', 'transit/encrypt/platform');
    await refused('write', 'transit/keys/platform/rotate');
    await refused('read', 'database/creds/postgres-app');
    await refused('write', 'sys/policies/acl/platform-backup');
    await refused('write', 'sys/storage/raft/snapshot');
    await refused('write', 'sys/storage/raft/snapshot-force');
    await refused('delete', 'sys/mounts/transit');
    await expect(logIn(vault, 'backup', 'restore')).rejects.toThrow('error validating claims');
  });

  test('the copy has neither keys nor tokens', async () => {
    const report = await (await driverOf(source, '', 'backup')).backup(copy);
    const content = gunzipSync(readFileSync(copy.files[SNAPSHOT]!));
    expect(content.includes('core/keyring')).toBe(true);
    const key = Buffer.from(source.unsealKey, 'base64');
    for (const secret of [key, source.unsealKey, source.rootToken]) {
      expect(content.includes(secret)).toBe(false);
      expect(JSON.stringify(report)).not.toContain(secret.toString());
    }
  });
});

describe('a copy in a Vault with other keys', () => {
  beforeEach(async () => {
    await (await driverOf(source)).backup(copy);
  });

  test('is refused without the key of the Vault that it is of, and changes nothing', async () => {
    const before = await contentOf(second);
    await expect((await driverOf(second)).restore(copy.files)).rejects.toThrow(
      'The copy is of a Vault with other keys, which alone open it. Nothing was changed: docs/vault.md says how people restore it.',
    );
    expect(await contentOf(second)).toEqual(before);
  });

  test('with another key leaves a Vault that the right one opens', async () => {
    await expect((await driverOf(second, second.unsealKey)).restore(copy.files)).rejects.toThrow(
      'Vault holds the copy and is sealed: the key in its Secret is not that of the Vault that the copy is of.',
    );
    expect(await second.vault.use((client) => client.health())).toBe('sealed');
    await second.vault.use((client) => client.write('sys/unseal', { key: source.unsealKey }));
    await eventually('Vault is open', 60_000, () =>
      second.vault.use(async (client) => (await client.health()) === 'active'),
    );
  });

  test('with its key has the same content, and is opened by the same Secret after a restart', async () => {
    const { vault } = second;
    const content = await contentOf(source);
    await vault.apply({
      ...{ apiVersion: 'v1', kind: 'Secret' },
      metadata: { name: unsealSecret, namespace: vault.namespace },
      stringData: { unsealKey: source.unsealKey },
    });
    const login = async () => {
      // Accounts of the copy are those of the first platform's namespace.
      const jwt = await serviceAccountToken(source.vault, configurationAccount);
      const tls = { ca: vault.authority.certificate, serverName: 'vault' };
      const { host, port } = second.tunnel;
      return new VaultDriver({
        ...{ host, port, tls, login: { jwt: () => jwt } },
        unsealKey: () => source.unsealKey,
      });
    };
    const driver = await login();
    await driver.restore(copy.files);
    expect(await driver.content()).toEqual(content);
    await driver.close();

    await vault.restart();
    await eventually('Vault is open again', 180_000, () => vault.ready());
    expect(await (await login()).content()).toEqual(content);
  });
});

describe('a scratch Vault', () => {
  test('with the key of the copied one has the same content, and reaches nobody', async () => {
    const { content } = await (await driverOf(source)).backup(copy);
    const { driver, server } = await startScratchVault(source.unsealKey);
    const { cluster, namespace, name } = server;
    try {
      expect((await cluster.read('v1', 'Pod', namespace, name))?.spec.dnsPolicy).toBe('None');
      const closed = await cluster.read('networking.k8s.io/v1', 'NetworkPolicy', namespace, name);
      expect(closed?.spec).toEqual({ podSelector: {}, policyTypes: ['Egress'] });
      expect(await driver.content()).toEqual({});
      await driver.restore(copy.files);
      expect(driver.unreadable).toBeUndefined();
      expect(await driver.content()).toEqual(content);
    } finally {
      await server.stop();
    }
  });

  test('without it takes the snapshot, and says what that does not prove', async () => {
    await (await driverOf(source)).backup(copy);
    const { driver, stop } = await startScratchStore('vault');
    try {
      await driver.restore(copy.files);
      expect(driver.unreadable).toBe(
        'Vault took the snapshot, but only people can open it: which keys fit, and what is in it, is not proven',
      );
    } finally {
      await stop();
    }
  });
});
