import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { type BarmanCloudArgs, barmanCloudRequirement, barmanCloudSpec } from './barman-cloud-spec';
import { Certificates } from './certificates';
import { ManifestBundle } from './manifest-bundle';
import { ExistingOperator } from './operators-existing';

/**
 * The Barman Cloud plugin of CloudNativePG, which keeps PostgreSQL's base backups and write-ahead log in object storage:
 * installed, or required to exist. Needs the operator and its namespace.
 * @see https://cloudnative-pg.io/plugin-barman-cloud/
 */
export class BarmanCloud extends pulumi.ComponentResource {
  constructor(name: string, args: BarmanCloudArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:BarmanCloud', name, {}, opts);
    const parent = { parent: this };
    if (args.mode === 'existing') {
      new ExistingOperator(name, barmanCloudRequirement(args.context), parent);
      this.registerOutputs();
      return;
    }
    const spec = barmanCloudSpec(args);
    const definitions = new ManifestBundle(`${name}-definitions`, spec.definitions, parent);
    const { validDays } = args;
    // Nobody but the operator and the plugin verifies them, so that no other issuer has anything to add.
    const certificates = new Certificates(
      `${name}-certificates`,
      { issuer: 'stack', ...spec.certificates, ...(validDays ? { validDays } : {}) },
      parent,
    );
    const account = new k8s.core.v1.ServiceAccount(`${name}-account`, spec.serviceAccount, parent);
    const role = new k8s.rbac.v1.ClusterRole(`${name}-role`, spec.clusterRole, parent);
    const binding = new k8s.rbac.v1.ClusterRoleBinding(`${name}-binding`, spec.clusterRoleBinding, {
      ...parent,
      dependsOn: [role, account],
    });
    const deployment = new k8s.apps.v1.Deployment(name, spec.deployment, {
      ...parent,
      dependsOn: [definitions, binding, certificates.ready],
    });
    // The operator connects as soon as it sees the Service.
    new k8s.core.v1.Service(`${name}-service`, spec.service, { ...parent, dependsOn: deployment });
    this.registerOutputs();
  }
}
