import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { BackupDrillArgs } from './backup-drill-args';
import { backupDrillSpec } from './backup-drill-spec';

export type { BackupDrillArgs } from './backup-drill-args';

/**
 * A CronJob that restores the newest copies into empty servers in its own pod, and asserts that the data is right.
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
 */
export class BackupDrill extends pulumi.ComponentResource {
  constructor(name: string, args: BackupDrillArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:BackupDrill', name, {}, opts);
    const { serviceAccount, configMap, cronJob } = backupDrillSpec(args);
    const parent = { parent: this };
    const dependsOn = [
      new k8s.core.v1.ServiceAccount(`${name}-account`, serviceAccount, parent),
      new k8s.core.v1.ConfigMap(`${name}-servers`, configMap, parent),
    ];
    new k8s.batch.v1.CronJob(name, cronJob, { ...parent, dependsOn });
    this.registerOutputs({});
  }
}
