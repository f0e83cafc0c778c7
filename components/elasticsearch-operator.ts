import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import {
  type ElasticsearchOperatorArgs,
  elasticsearchOperatorRequirement,
  elasticsearchOperatorSpec,
} from './elasticsearch-operator-spec';
import { ManifestBundle } from './manifest-bundle';
import { ExistingOperator } from './operators-existing';

/**
 * Elastic Cloud on Kubernetes, the operator of Elasticsearch: installed, or required to exist.
 * @see https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s
 */
export class ElasticsearchOperator extends pulumi.ComponentResource {
  constructor(name: string, args: ElasticsearchOperatorArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:ElasticsearchOperator', name, {}, opts);
    const parent = { parent: this };
    if (args.mode === 'existing') {
      new ExistingOperator(name, elasticsearchOperatorRequirement(args.context), parent);
      this.registerOutputs();
      return;
    }
    const spec = elasticsearchOperatorSpec(args);
    const definitions = new ManifestBundle(`${name}-definitions`, spec.definitions, parent);
    const namespace = new k8s.core.v1.Namespace(`${name}-namespace`, spec.namespace, parent);
    const inside = { ...parent, dependsOn: namespace };
    const account = new k8s.core.v1.ServiceAccount(`${name}-account`, spec.serviceAccount, inside);
    const role = new k8s.rbac.v1.ClusterRole(`${name}-role`, spec.clusterRole, parent);
    const binding = new k8s.rbac.v1.ClusterRoleBinding(`${name}-binding`, spec.clusterRoleBinding, {
      ...parent,
      dependsOn: [role, account],
    });
    new k8s.apps.v1.StatefulSet(name, spec.statefulSet, {
      ...parent,
      dependsOn: [definitions, binding],
    });
    this.registerOutputs();
  }
}
