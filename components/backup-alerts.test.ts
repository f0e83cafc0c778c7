import { BackupAlerts } from './backup-alerts';
import { backupAlerts, type BackupAlertsArgs } from './backup-alerts-spec';
import { declaredBy } from './testing/mocks';

const args: BackupAlertsArgs = {
  namespace: 'data',
  backups: ['backup-daily', 'backup-redis'],
  newest: { cronJob: 'backup-daily', minutes: 1560 },
  drill: { cronJob: 'backup-drill', days: 8 },
};
const expressions = (change: Partial<BackupAlertsArgs> = {}) =>
  Object.fromEntries(backupAlerts({ ...args, ...change }).map(({ alert, expr }) => [alert, expr]));

// Run by `promtool test rules` when they were written: fresh, missed, failed, failed and then done, never done.
test('copies and drills that are too old, missed or failed are alerts', () => {
  const both = '{namespace="data",cronjob=~"backup-daily|backup-redis"}';
  const failed =
    'max by (namespace, cronjob) (label_replace((kube_job_status_start_time{namespace="data"} and on (namespace, job_name) ' +
    'kube_job_failed{namespace="data",condition="true"} == 1) * on (namespace, job_name) group_left (owner_name) ' +
    'kube_job_owner{namespace="data",owner_kind="CronJob",owner_name=~"backup-drill"}, "cronjob", "$1", "owner_name", "(.*)"))';
  expect(expressions()).toEqual({
    PlatformBackupTooOld:
      'time() - (kube_cronjob_status_last_successful_time{namespace="data",cronjob=~"backup-daily"} or on (namespace, cronjob) kube_cronjob_created{namespace="data",cronjob=~"backup-daily"}) > 93600',
    PlatformBackupMissed: `time() - (kube_cronjob_status_last_schedule_time${both} unless on (namespace, cronjob) (kube_cronjob_status_last_successful_time${both} >= on (namespace, cronjob) kube_cronjob_status_last_schedule_time${both})) > 18000`,
    PlatformBackupFailed: expect.stringContaining('owner_name=~"backup-daily|backup-redis"'),
    PlatformDrillFailed: `${failed} unless on (namespace, cronjob) (kube_cronjob_status_last_successful_time{namespace="data",cronjob=~"backup-drill"} > on (namespace, cronjob) ${failed})`,
    PlatformDrillTooOld:
      'time() - (kube_cronjob_status_last_successful_time{namespace="data",cronjob=~"backup-drill"} or on (namespace, cronjob) kube_cronjob_created{namespace="data",cronjob=~"backup-drill"}) > 691200',
  });
});

test('without a drill there are alerts of the copies alone', () => {
  expect(Object.keys(expressions({ drill: undefined, newest: undefined }))).toEqual([
    'PlatformBackupMissed',
    'PlatformBackupFailed',
  ]);
});

test('the component declares one PrometheusRule', async () => {
  const declared = await declaredBy(() => new BackupAlerts('backup-alerts', args));
  expect(declared[1]).toMatchObject({
    path: 'agent-data-platform:data:BackupAlerts$kubernetes:monitoring.coreos.com/v1:PrometheusRule',
    inputs: {
      metadata: { name: 'backup-alerts', namespace: 'data' },
      spec: { groups: [{ name: 'agent-data-platform-backups' }] },
    },
  });
});
