import type { V1CronJobSpec } from '@kubernetes/client-node';
import { kindOf, objectName, ResourceRule } from './rule';

/** A job that takes longer than its interval must not meet itself, and old runs must not pile up. */
export const cronJobHygiene: ResourceRule = {
  name: 'cron-job-hygiene',
  description:
    'Every CronJob forbids overlapping runs and keeps few finished ones, at least one that failed.',
  url: 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/',
  severity: 'medium',
  check: (resource) => {
    if (kindOf(resource.type) !== 'CronJob') return [];
    const where = objectName(resource);
    const spec = (resource.props.spec ?? {}) as Partial<V1CronJobSpec>;
    const { concurrencyPolicy: policy = 'Allow', failedJobsHistoryLimit: failed } = spec;
    return [
      ...(policy === 'Forbid' ? [] : [`${where} has concurrencyPolicy ${policy}; set it to Forbid.`]),
      ...(['successfulJobsHistoryLimit', 'failedJobsHistoryLimit'] as const)
        .filter((field) => !within(spec[field]))
        .map((field) => `${where} has ${field} ${spec[field] ?? 'unset'}; set it to 10 or less.`),
      ...(failed === 0 ? [`${where} keeps no failed run to look into; set failedJobsHistoryLimit.`] : []),
    ];
  },
};

function within(limit: number | undefined): boolean {
  return limit !== undefined && limit <= 10;
}
