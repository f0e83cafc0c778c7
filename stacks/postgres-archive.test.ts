import * as pulumi from '@pulumi/pulumi';
import { declaredBy } from '../components/testing/mocks';
import { backupJobsArgs, declareArchiver } from './backups';
import { type ConfigError, loadConfig, platformOf } from './config';
import { networkArgs } from './network';
import { stores } from './stores';

const key = (name: string) => `agent-data-platform:${name}`;
const sections = (values: Record<string, object | string>) => ({
  [key('size')]: 'dev',
  [key('storage')]: '{"className":"retained"}',
  ...Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      key(name),
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  ),
});
const configOf = (values: Record<string, object | string>) => loadConfig(sections(values));
const problemsOf = (values: Record<string, object | string>) => {
  try {
    configOf(values);
  } catch (error) {
    return (error as ConfigError).problems;
  }
  return [];
};
const argsOf = (values: Record<string, object | string>) => {
  const config = configOf(values);
  return stores.postgres.args(config.postgres, platformOf(config));
};
const operatorsOf = (values: Record<string, object | string>) => {
  const config = configOf(values);
  return networkArgs(config, platformOf(config)).operators.map(({ name }) => name);
};
/** What the archiver and PostgreSQL declare of a configuration. */
const declared = async (values: Record<string, object | string>) => {
  const config = configOf(values);
  const tls = { ca: pulumi.output('ca'), fingerprint: () => pulumi.output('fingerprint') };
  const found = await declaredBy(() => {
    const dependsOn = declareArchiver(config, {});
    stores.postgres.deploy(config.postgres, platformOf(config), { dependsOn }, tls);
  });
  return found.map(({ path, name }) => `${path.split(/[:/]/).at(-1)} ${name}`);
};

const backups = { repository: 's3://copies/team', endpoint: 'https://elsewhere.example:9000' };
const ofArchive = /ObjectStore|ScheduledBackup|BarmanCloud|barman-cloud|archive/;

test('without a repository there is neither plugin nor archive', async () => {
  expect(argsOf({})).not.toHaveProperty('archive');
  expect(operatorsOf({})).not.toContain('plugin-barman-cloud');
  expect((await declared({})).filter((name) => ofArchive.test(name))).toEqual([]);
});

test('with one, PostgreSQL archives into its folder, and the plugin is installed', async () => {
  expect(argsOf({ backups }).archive).toEqual({
    repository: {
      address: 's3://copies/team',
      endpoint: 'https://elsewhere.example:9000',
      region: 'us-east-1',
      credentialsSecret: 'backup-repository',
    },
    serverName: 'postgres',
    schedule: '0 1 * * 0',
    keepDays: 30,
  });
  expect(operatorsOf({ backups })).toContain('plugin-barman-cloud');
  const found = await declared({ backups });
  expect(found).toEqual(
    expect.arrayContaining([
      'ObjectStore postgres-archive',
      'ScheduledBackup postgres-base-backups',
      'Deployment barman-cloud',
    ]),
  );
});

test('an operator of the cluster must have the plugin, only when it is needed', async () => {
  const required = async (values: Record<string, object | string>) =>
    (await declared({ operators: 'existing', ...values })).filter((name) =>
      name.includes('ExistingOperator'),
    );
  expect(await required({})).not.toContain('ExistingOperator barman-cloud');
  expect(await required({ backups })).toContain('ExistingOperator barman-cloud');
});

test('pods that recover reach the addresses that PostgreSQL does', () => {
  const egress = [{ from: 'postgres', cidr: '203.0.113.0/24', ports: [9000] }];
  const config = configOf({ backups, network: { egress } });
  const { flows } = networkArgs(config, platformOf(config));
  expect(flows.filter(({ egressOf }) => egressOf).map(({ name, egressOf }) => [name, egressOf])).toEqual([
    ['postgres-jobs', 'postgres'],
    ['backup-drill', 'backup'],
  ]);
});

test('contradictions are found before anything is made, with the fix', () => {
  expect(problemsOf({ postgres: { recovery: { serverName: 'postgres' } } })).toEqual([
    'postgres: recovery needs the archive that "postgres" is in, got none; set backups.repository.',
  ]);
  expect(problemsOf({ backups, postgres: { recovery: { serverName: 'postgres' } } })).toEqual([
    'postgres: recovery.serverName must be of another cluster, got "postgres", which this one archives under; set backups.postgres.serverName to a new name such as "postgres-2".',
  ]);
  expect(problemsOf({ backups: { ...backups, postgres: { serverName: 'a/b' } } })).toEqual([
    'backups.postgres.serverName: must be a name of a-z, 0-9, - and _; got "a/b"',
  ]);
  expect(problemsOf({ backups, postgres: { parameters: { archive_timeout: '1h' } } })).toEqual([
    'postgres: parameters.archive_timeout must be from 1s to 15min, the most that may be lost, got "1h"; remove it for 5min.',
  ]);
});

describe('a replica', () => {
  const replica = {
    backups: { ...backups, postgres: { serverName: 'second' } },
    postgres: { replicaOf: { serverName: 'postgres' } },
  };

  test('has no changes of its own, and no copies of rows that it only follows', async () => {
    const config = configOf(replica);
    expect(backupJobsArgs(config, platformOf(config))!.stores).not.toContain('postgres');
    const names = await declared(replica);
    expect(names.filter((name) => /postgres-(migrations|logins)/.test(name))).toEqual([]);
    const promoted = { ...replica, postgres: { replicaOf: { serverName: 'postgres', enabled: false } } };
    expect((await declared(promoted)).filter((name) => /postgres-(migrations|logins)/.test(name))).toEqual([
      'Logins postgres-logins',
      'StoreMigrations postgres-migrations',
    ]);
  });

  test('cannot be one that Vault makes logins in', () => {
    expect(problemsOf({ ...replica, vault: { enabled: true } })).toEqual([
      'postgres: replicaOf takes no writes, and Vault makes logins; set vault.enabled to false until replicaOf.enabled is false.',
    ]);
  });
});
