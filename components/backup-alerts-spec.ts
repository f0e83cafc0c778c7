/** What monitoring is to say of copies and drills, from the metrics of kube-state-metrics. */
import { labels } from './metadata';

/** What is watched. */
export interface BackupAlertsArgs {
  /** Namespace of the platform. */
  readonly namespace: string;
  /** Names of the CronJobs that copy. */
  readonly backups: readonly string[];
  /** The one whose copies are to be young enough, and how old its last success may be; default none. */
  readonly newest?: { readonly cronJob: string; readonly minutes: number };
  /** The CronJob that drills, and how old its last success may be; default none. */
  readonly drill?: { readonly cronJob: string; readonly days: number };
}

const NAME = 'backup-alerts';
/** A run that has not succeeded by then never will: four hours, and as long again for its retries to be noticed. */
const MISSED_SECONDS = 5 * 3600;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: 'critical' | 'warning' };
  readonly annotations: { readonly summary: string; readonly description: string };
}

/**
 * Pure specification of the PrometheusRule.
 * @see https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PrometheusRule
 */
export function backupAlertsSpec(args: BackupAlertsArgs) {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: NAME, namespace: args.namespace, labels: labels({ name: NAME }) },
    spec: { groups: [{ name: 'agent-data-platform-backups', rules: backupAlerts(args) }] },
  };
}

/** The rules alone. */
export function backupAlerts({ namespace, backups, newest, drill }: BackupAlertsArgs): Rule[] {
  const copying = selector(namespace, backups);
  return [
    ...(newest
      ? [
          rule(
            'PlatformBackupTooOld',
            'critical',
            older(selector(namespace, [newest.cronJob]), newest.minutes * 60),
            {
              summary: 'The newest copy of the platform is too old',
              description: `{{ $labels.cronjob }} in {{ $labels.namespace }} has not succeeded for {{ $value | humanizeDuration }}; what is lost now was written since then.`,
            },
          ),
        ]
      : []),
    rule('PlatformBackupMissed', 'critical', missed(copying), {
      summary: 'Copies of the platform are not made',
      description:
        'The last run of {{ $labels.cronjob }} in {{ $labels.namespace }} was due {{ $value | humanizeDuration }} ago and has not succeeded.',
    }),
    rule('PlatformBackupFailed', 'warning', failed(namespace, backups), {
      summary: 'A copy of the platform failed',
      description:
        'The last run of {{ $labels.cronjob }} in {{ $labels.namespace }} failed; its Job has the log.',
    }),
    ...(drill
      ? [
          rule('PlatformDrillFailed', 'critical', failed(namespace, [drill.cronJob]), {
            summary: 'A copy of the platform could not be proven',
            description:
              '{{ $labels.cronjob }} in {{ $labels.namespace }} failed: a copy cannot be restored, its data is wrong, or a target was missed. The log and `platform list` say which.',
          }),
          rule(
            'PlatformDrillTooOld',
            'warning',
            older(selector(namespace, [drill.cronJob]), drill.days * 24 * 3600),
            {
              summary: 'No copy of the platform was proven lately',
              description:
                '{{ $labels.cronjob }} in {{ $labels.namespace }} has not succeeded for {{ $value | humanizeDuration }}.',
            },
          ),
        ]
      : []),
  ];
}

function rule(
  alert: string,
  severity: 'critical' | 'warning',
  expr: string,
  annotations: Rule['annotations'],
): Rule {
  return { alert, expr, for: '15m', labels: { severity }, annotations };
}

function selector(namespace: string, cronJobs: readonly string[]): string {
  return `{namespace="${namespace}",cronjob=~"${cronJobs.join('|')}"}`;
}

/** Time since the last success, or since it was made where there was none. */
function older(which: string, seconds: number): string {
  const success = `kube_cronjob_status_last_successful_time${which}`;
  return `time() - (${success} or on (namespace, cronjob) kube_cronjob_created${which}) > ${seconds}`;
}

/** Time since a run was due that did not succeed. */
function missed(which: string): string {
  const due = `kube_cronjob_status_last_schedule_time${which}`;
  const success = `kube_cronjob_status_last_successful_time${which}`;
  return `time() - (${due} unless on (namespace, cronjob) (${success} >= on (namespace, cronjob) ${due})) > ${MISSED_SECONDS}`;
}

/** When a run began that failed, unless a later one succeeded. */
function failed(namespace: string, cronJobs: readonly string[]): string {
  const ofCronJobs = `{namespace="${namespace}",owner_kind="CronJob",owner_name=~"${cronJobs.join('|')}"}`;
  const job = 'on (namespace, job_name)';
  const begun = `kube_job_status_start_time{namespace="${namespace}"}`;
  const faulty = `(${begun} and ${job} kube_job_failed{namespace="${namespace}",condition="true"} == 1)`;
  const owned = `${faulty} * ${job} group_left (owner_name) kube_job_owner${ofCronJobs}`;
  const newest = `max by (namespace, cronjob) (label_replace(${owned}, "cronjob", "$1", "owner_name", "(.*)"))`;
  const success = `kube_cronjob_status_last_successful_time${selector(namespace, cronJobs)}`;
  return `${newest} unless on (namespace, cronjob) (${success} > on (namespace, cronjob) ${newest})`;
}
