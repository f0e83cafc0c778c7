import { changeFileDigests } from '../migrations/engine/change-files';
import { resource, statefulSet } from './fixtures';
import { type ChangeFile, lifecycleFaults, retentionMinimum } from './retention';

describe('backups of PostgreSQL', () => {
  const cluster = (retentionPolicy?: string) =>
    resource('postgresql.cnpg.io/v1:Cluster', 'postgres', { spec: { backup: { retentionPolicy } } });
  const objectStore = (retentionPolicy?: string) =>
    resource('barmancloud.cnpg.io/v1:ObjectStore', 'archive', { spec: { retentionPolicy } });

  test.each([['30d'], ['5w'], ['1m'], [undefined]])('%s is long enough', (policy) => {
    expect(retentionMinimum.check(cluster(policy))).toEqual([]);
    expect(retentionMinimum.check(objectStore(policy))).toEqual([]);
  });

  test.each([['29d'], ['4w'], ['forever']])('%s is not', (policy) => {
    expect(retentionMinimum.check(cluster(policy))).toEqual([
      `Cluster/data/postgres keeps backups for ${policy}; the minimum is 30d.`,
    ]);
    expect(retentionMinimum.check(objectStore(policy))).toEqual([
      `ObjectStore/data/archive keeps backups for ${policy}; the minimum is 30d.`,
    ]);
  });
});

describe('lifecycles in change files', () => {
  const policy = (min_age?: string) => ({
    operation: 'putLifecyclePolicy',
    name: 'logs',
    body: { policy: { phases: { hot: {}, delete: { min_age } } } },
  });
  const bucket = (...rules: object[]) => ({ operation: 'putLifecycle', bucket: 'exports', rules });
  const change = (up: object[], parameters?: Record<string, string>) =>
    ({ file: '000001-a.json', up, parameters }) as ChangeFile;
  const faults = (...operations: object[]) => lifecycleFaults([change(operations)], {});

  test('long enough, or nothing deleted at all, passes', () => {
    const kept = { ID: 'keep', Expiration: { Days: 14 }, NoncurrentVersionExpiration: { NoncurrentDays: 3 } };
    const markers = { ID: 'markers', Expiration: { ExpiredObjectDeleteMarker: true } };
    const disabled = { ID: 'off', Status: 'Disabled', Expiration: { Days: 1 } };
    const forever = { ...policy(), body: { policy: { phases: { hot: {} } } } };
    expect(faults(policy('30d'), policy('720h'), forever, bucket(kept, markers, disabled))).toEqual([]);
  });

  test.each([
    ['29d', '29d'],
    ['24h', '24h'],
    [undefined, '0ms'],
  ])('indices deleted after %s are a violation', (age, shown) => {
    expect(faults(policy(age))).toEqual([
      `000001-a.json: policy logs keeps indices for ${shown}; the minimum is 30d.`,
    ]);
  });

  test('objects that expire early are a violation', () => {
    const rule = {
      ID: 'early',
      Expiration: { Days: 13 },
      NoncurrentVersionExpiration: { NoncurrentDays: 2 },
    };
    expect(faults(bucket(rule))).toEqual([
      '000001-a.json: rule early of bucket exports keeps objects for 13d; the minimum is 14d.',
      '000001-a.json: rule early of bucket exports keeps old versions for 2d; the minimum is 3d.',
    ]);
  });

  test('snapshots that expire early are a violation', () => {
    const snapshots = (expire_after?: string) => ({
      operation: 'putSnapshotLifecyclePolicy',
      name: 'nightly',
      body: { retention: { expire_after } },
    });
    expect(faults(snapshots('30d'))).toEqual([]);
    expect(faults(snapshots(undefined))).toEqual([]);
    expect(faults(snapshots('7d'))).toEqual([
      '000001-a.json: policy nightly keeps snapshots for 7d; the minimum is 30d.',
    ]);
  });

  test('parameters have the value of the stack, else of their own file', () => {
    const open = change([policy('${retention.logs}')], { 'retention.logs': '90d' });
    expect(lifecycleFaults([open], {})).toEqual([]);
    expect(lifecycleFaults([open], { 'retention.logs': '14d' })).toEqual([
      '000001-a.json: policy logs keeps indices for 14d; the minimum is 30d.',
    ]);
    expect(lifecycleFaults([change([policy('${retention.logs}')])], {})).toEqual([
      '000001-a.json: policy logs keeps indices for ${retention.logs}; the minimum is 30d.',
    ]);
  });

  test('the last operation on an object counts', () => {
    expect(faults(policy('1d'), policy('90d'))).toEqual([]);
    expect(faults(policy('1d'), { operation: 'deleteLifecyclePolicy', name: 'logs' })).toEqual([]);
    expect(faults(policy('90d'), policy('1d'))).toHaveLength(1);
  });
});

test.each([['minio'], ['elasticsearch']])('the change files of %s are read, and keep enough', (store) => {
  const folder = `migrations/${store}/platform`;
  const files = changeFileDigests(folder);
  const migrations = {
    type: 'pulumi-nodejs:dynamic/migrations:StoreMigrations',
    name: `${store}-migrations`,
    props: { store, folder, files },
  };
  expect(retentionMinimum.check(migrations)).toEqual([]);
  const missing = { ...migrations, props: { store, folder, files: [{ file: 'missing.json' }] } };
  expect(retentionMinimum.check(missing)).toEqual([`${folder}/missing.json cannot be read; correct it.`]);
});

test('what keeps nothing for a time is none of its business', () => {
  expect(retentionMinimum.check(statefulSet({}))).toEqual([]);
});
