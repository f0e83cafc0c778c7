/* eslint-disable @typescript-eslint/no-require-imports -- loads modules as Pulumi's provider process does */
import { StoreMigrations } from '../migrations/provider/store-migrations';
import { ApiServerAddresses } from './api-server-addresses';
import { ElasticsearchLogins } from './elasticsearch-logins';
import { ManifestBundle } from './manifest-bundle';
import { MinioReplication } from './minio-replication';
import { MinioRootAccess } from './minio-root-access';
import { MinioUser } from './minio-user';
import { Neo4jUser } from './neo4j-user';
import { ExistingOperator } from './operators-existing';
import { PostgresLogins } from './postgres-logins';
import { PoolerRollout } from './postgres-rollout';
import { ProxyUsers } from './proxied-store-users';
import { RedisReload } from './redis-reload';
import { QdrantLogins } from './qdrant-logins';
import { declaredBy } from './testing/mocks';
import { VaultConfiguration } from './vault-configuration';
import { VaultInitialization } from './vault-initialization';
import { VaultPostgresRole } from './vault-postgres-login';

type Provider = Record<string, (...args: unknown[]) => unknown>;
type Resource = new (name: string, args: object) => unknown;

/** Loads a stored provider; `load` stands for `require` in the project's folder. */
function loadStored(text: string, load: (compiled: string) => { provider: Provider }): Provider {
  const module = { exports: {} as { handler: () => Provider } };
  const require = Object.assign(load, { resolve: (path: string) => path });
  new Function('exports', 'require', text)(module.exports, require);
  return module.exports.handler();
}

const vaultSettings = {
  configurationAccount: { namespace: 'data', name: 'vault-configuration' },
  backupAccount: { namespace: 'data', name: 'backup' },
  ...{ keys: ['platform'], keyRotationHours: 1, applications: { app: [], readonly: [] } },
};
const connection = { kind: 'service', namespace: 'data', service: 'minio', port: 9000 };

describe.each([
  ['kubernetes:ManifestBundle', ManifestBundle, {}, 'components/manifest-bundle/provider'],
  ['kubernetes:ExistingOperator', ExistingOperator, {}, 'components/operators-existing-provider'],
  ['kubernetes:ApiServerAddresses', ApiServerAddresses, {}, 'components/api-server-addresses-provider'],
  ['kubernetes:PoolerRollout', PoolerRollout, {}, 'components/postgres-rollout-provider'],
  ['postgres:Logins', PostgresLogins, {}, 'components/postgres-logins-provider'],
  ['kubernetes:ProxyUsers', ProxyUsers, {}, 'components/proxied-store-users-provider'],
  ['elasticsearch:Logins', ElasticsearchLogins, {}, 'components/elasticsearch-logins-provider'],
  ['neo4j:User', Neo4jUser, {}, 'components/neo4j-user-provider'],
  ['redis:Reload', RedisReload, { workloads: [] }, 'components/redis-reload-provider'],
  ['minio:Replication', MinioReplication, {}, 'components/minio-replication-provider'],
  ['minio:RootAccess', MinioRootAccess, {}, 'components/minio-root-access-provider'],
  ['minio:User', MinioUser, {}, 'components/minio-user-provider'],
  ['qdrant:Logins', QdrantLogins, {}, 'components/qdrant-logins-provider'],
  ['vault:Initialization', VaultInitialization, {}, 'components/vault-initialization-provider'],
  ['vault:PostgresRole', VaultPostgresRole, {}, 'components/vault-postgres-role-provider'],
  [
    'vault:Configuration',
    VaultConfiguration,
    { vault: {}, settings: vaultSettings },
    'components/vault-configuration-provider',
  ],
  [
    'migrations:StoreMigrations',
    StoreMigrations,
    { store: 'minio', database: 'platform', connection },
    'migrations/provider/run',
  ],
] as [string, Resource, object, string][])('%s', (type, Resource, args, modulePath) => {
  const stored = async (): Promise<string> => {
    const [declared] = await declaredBy(() => new Resource('x', args));
    expect(declared!.path).toBe(`pulumi-nodejs:dynamic/${type}`);
    return declared!.inputs.__provider;
  };

  it('hands every method of the compiled module its arguments, and has no other', async () => {
    const real = require(`../${modulePath}`) as { provider: Provider };
    const methods = Object.keys(real.provider);
    const echo = Object.fromEntries(
      methods.map((method) => [method, (...given: unknown[]) => [method, ...given]]),
    );
    const loaded: string[] = [];
    const provider = loadStored(await stored(), (path) => {
      loaded.push(path);
      return { provider: echo };
    });
    expect(loaded).toEqual([]);
    expect(Object.keys(provider).sort()).toEqual([...methods].sort());
    for (const method of methods) expect(provider[method]!(1, 2, 3)).toEqual([method, 1, 2, 3]);
    expect(new Set(loaded)).toEqual(new Set([`./dist/${modulePath}.js`]));
  });

  it('is small, the same every time, and holds nothing of this machine', async () => {
    process.env.SCRATCH_PASSWORD = 'hunter2-in-the-environment';
    const text = await stored();
    delete process.env.SCRATCH_PASSWORD;
    expect(text.length).toBeLessThan(1000);
    expect(text).not.toMatch(/hunter2|password|secret|credential|token|process\.env/i);
    expect(text).not.toContain(process.cwd());
    expect(await stored()).toBe(text);
  });
});
