import { declaredBy } from '../components/testing/mocks';
import { backupJobsArgs, declareBackups } from './backups';
import { ConfigError, loadConfig, platformOf } from './config';
import { networkArgs } from './network';

const key = (name: string) => `agent-data-platform:${name}`;
const configOf = (backups: object, others: Record<string, object> = {}) =>
  loadConfig({
    [key('size')]: 'dev',
    [key('storage')]: '{"className":"retained"}',
    [key('backups')]: JSON.stringify(backups),
    ...Object.fromEntries(Object.entries(others).map(([name, value]) => [key(name), JSON.stringify(value)])),
  });
const problemsOf = (backups: object) => {
  try {
    configOf(backups);
  } catch (error) {
    return (error as ConfigError).problems;
  }
  return [];
};
const argsOf = (...config: Parameters<typeof configOf>) => {
  const loaded = configOf(...config);
  return backupJobsArgs(loaded, platformOf(loaded));
};

test('without a repository nothing is copied, and nothing of it is declared', async () => {
  const config = configOf({});
  expect(backupJobsArgs(config, platformOf(config))).toBeUndefined();
  expect(networkArgs(config, platformOf(config)).flows.map(({ name }) => name)).not.toContain('backup');
  const options = { dependsOn: [] };
  expect(await declaredBy(() => declareBackups(config, platformOf(config), options))).toEqual([]);
});

test('with one, every store that is on is copied: all of them daily, Redis every six hours', () => {
  const args = argsOf(
    { repository: 's3://copies/team' },
    { chroma: { enabled: false }, neo4j: { enabled: true }, vault: { enabled: true } },
  );
  expect(args?.stores).toContain('neo4j');
  expect(args?.stores).toContain('vault');
  expect(args?.stores).not.toContain('chroma');
  expect(argsOf({ repository: 's3://copies/team' })?.stores).not.toContain('vault');
  expect(args?.schedules).toEqual({
    daily: { schedule: '0 2 * * *', keepDays: 30, keepLast: 7 },
    redis: { schedule: '0 */6 * * *', stores: ['redis'], keepDays: 7, keepLast: 4 },
  });
  expect(args?.repository).toEqual({
    address: 's3://copies/team',
    region: 'us-east-1',
    credentialsSecret: 'backup-repository',
  });
});

test('its pods may reach the stores, and the image is built from source', async () => {
  const config = configOf({ repository: 's3://copies/team' });
  const { flows } = networkArgs(config, platformOf(config));
  expect(flows.find(({ name }) => name === 'backup')?.uses).toEqual(
    expect.arrayContaining(['postgres', 'redis', 'minio']),
  );
  const declared = await declaredBy(() => declareBackups(config, platformOf(config), { dependsOn: [] }));
  const image = declared.find(({ path }) => path.endsWith('docker:index/image:Image'));
  expect(image?.inputs.imageName).toMatch(/^agent-data-platform\/ops:[0-9a-f]{12}$/);
});

const declaredFor = (...config: Parameters<typeof configOf>) => {
  const loaded = configOf(...config);
  return declaredBy(() => declareBackups(loaded, platformOf(loaded), { dependsOn: [] }));
};
const names = (declared: Awaited<ReturnType<typeof declaredFor>>, kind: string) =>
  declared
    .filter(({ path }) => path.endsWith(`:${kind}`))
    .map(({ inputs }) => inputs.metadata.name)
    .sort();

test('the newest copies are drilled with the images of the platform, unless that is disabled', async () => {
  const repository = 's3://copies/team';
  const redis = { image: 'registry.example.com/redis:8' };
  const declared = await declaredFor({ repository }, { redis });
  expect(names(declared, 'CronJob')).toEqual(['backup-daily', 'backup-drill', 'backup-redis']);
  const { inputs } = declared.find(({ name, path }) => name === 'backup-drill' && path.endsWith('CronJob'))!;
  const { initContainers } = inputs.spec.jobTemplate.spec.template.spec;
  const servers = initContainers.map(({ name, image }: Record<string, string>) => [name, image]);
  expect(servers).toEqual(expect.arrayContaining([['redis', redis.image]]));
  expect(names(await declaredFor({ repository, drill: { enabled: false } }), 'CronJob')).toEqual([
    'backup-daily',
    'backup-redis',
  ]);
});

test('its pods may leave the cluster where those that copy may', () => {
  const flowsOf = (drill: object) => {
    const config = configOf({ repository: 's3://copies/team', drill });
    return networkArgs(config, platformOf(config)).flows.find(({ name }) => name === 'backup-drill');
  };
  expect(flowsOf({})).toMatchObject({ egressOf: 'backup' });
  expect(flowsOf({ enabled: false })).toBeUndefined();
});

test('alerts are declared where there is a Prometheus operator', async () => {
  const repository = 's3://copies/team';
  expect(names(await declaredFor({ repository }), 'PrometheusRule')).toEqual([]);
  const declared = await declaredFor({ repository }, { postgres: { podMonitor: true } });
  expect(names(declared, 'PrometheusRule')).toEqual(['backup-alerts']);
});

test('a drill of encrypted copies needs the key', () => {
  const recipients = ['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudzw9lwsqjgqps'];
  expect(problemsOf({ repository: 's3://copies', recipients })).toEqual([
    'backups.drill: identitySecret must name a Secret with the secret key, since the copies are encrypted; or set enabled to false and run `platform drill` where the key is.',
  ]);
  expect(problemsOf({ repository: 's3://copies', recipients, drill: { enabled: false } })).toEqual([]);
});

test('mistakes are found before anything is made', () => {
  expect(
    problemsOf({ repository: '/var/copies', recipients: ['AGE-SECRET-KEY-1ABC'], schedules: { daily: 'x' } }),
  ).toEqual([
    'backups.repository: must have the form s3://bucket/prefix; got "/var/copies"',
    'backups.recipients.0: must be a public key of age, which begins with age1; got "AGE-SECRET-KEY-…"',
    'backups.schedules.daily: expected object, received string; got "x"',
  ]);
  const daily = { schedule: 'daily', keepDays: 0, keepLast: 1 };
  expect(problemsOf({ repository: 's3://copies', schedules: { daily } })).toEqual([
    'backups.schedules.daily.schedule: must be five fields of cron such as 0 2 * * *; got "daily"',
    'backups.schedules.daily.keepDays: Too small: expected number to be >=1; got 0',
  ]);
  const chroma = { schedule: '0 2 * * *', stores: ['chroma'], keepDays: 1, keepLast: 1 };
  expect(problemsOf({ repository: 's3://copies', schedules: { chroma } })).toEqual([
    expect.stringMatching(
      /^backups: schedules\.chroma\.stores must name stores that are on \(.*\), got "chroma"\.$/,
    ),
  ]);
});
