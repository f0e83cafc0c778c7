import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { BackupJobsArgs } from './backup-jobs-args';
import { backupJobsSpec } from './backup-jobs-spec';

export type { BackupJobsArgs, BackupsArgs } from './backup-jobs-args';

/**
 * CronJobs that copy the stores into a bucket outside of the platform, read each copy back and remove what is too old.
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
 */
export class BackupJobs extends pulumi.ComponentResource {
  constructor(name: string, args: BackupJobsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:BackupJobs', name, {}, opts);
    const { serviceAccount, configMap, cronJobs } = backupJobsSpec(args);
    const parent = { parent: this };
    const dependsOn = [
      new k8s.core.v1.ServiceAccount(`${name}-account`, serviceAccount, parent),
      new k8s.core.v1.ConfigMap(`${name}-stores`, configMap, parent),
    ];
    for (const [schedule, cronJob] of Object.entries(cronJobs))
      new k8s.batch.v1.CronJob(`${name}-${schedule}`, cronJob, { ...parent, dependsOn });
    this.registerOutputs({});
  }
}
