import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { type BackupAlertsArgs, backupAlertsSpec } from './backup-alerts-spec';

export type { BackupAlertsArgs } from './backup-alerts-spec';

/**
 * Alerts of copies and drills that fail or grow old; needs the Prometheus operator, and the metrics of kube-state-metrics.
 * @see https://prometheus-operator.dev/docs/developer/alerting/
 */
export class BackupAlerts extends pulumi.ComponentResource {
  constructor(name: string, args: BackupAlertsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:BackupAlerts', name, {}, opts);
    new k8s.apiextensions.CustomResource(name, backupAlertsSpec(args), { parent: this });
    this.registerOutputs({});
  }
}
