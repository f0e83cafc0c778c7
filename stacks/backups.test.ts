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
