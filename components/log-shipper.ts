import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { LogShipperArgs } from './log-shipper-args';
import { frontKeys, loginLine } from './log-shipper-config';
import { logShipperSpec } from './log-shipper-spec';
import { checksum } from './metadata';
import { withPodAnnotations } from './pod-annotations';

export type { LogShipperArgs } from './log-shipper-args';

/** What is known only during an update. */
export interface LogShipperInputs {
  /** Login that may only add documents, see the role `platform_shipper`. */
  readonly username: pulumi.Input<string>;
  readonly password: pulumi.Input<string>;
  /** PEM of the authority of Elasticsearch's certificate. */
  readonly ca: pulumi.Input<string>;
}

/**
 * Ships the container logs of a namespace to Elasticsearch's data streams from every node, at least once and without
 * duplicates: audit trails to one, everything else to another; needs Elasticsearch and its templates.
 * @see https://www.rsyslog.com/doc/configuration/modules/omelasticsearch.html
 */
export class LogShipper extends pulumi.ComponentResource {
  /** Namespace of the pods. */
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: LogShipperArgs & LogShipperInputs, opts?: pulumi.ComponentResourceOptions) {
    const spec = logShipperSpec(args);
    super('agent-data-platform:data:LogShipper', name, {}, opts);
    const parent = { parent: this };
    const namespace = new k8s.core.v1.Namespace(`${name}-namespace`, spec.namespace, parent);
    const inside = { ...parent, dependsOn: namespace };
    const login = pulumi.secret(
      pulumi.all([args.username, args.password]).apply(([user, password]) => loginLine(user, password)),
    );
    const objects = [
      new k8s.core.v1.ServiceAccount(`${name}-account`, spec.serviceAccount, inside),
      new k8s.core.v1.ConfigMap(`${name}-config`, spec.configMap, inside),
      new k8s.core.v1.Secret(
        `${name}-front`,
        { ...spec.front, stringData: { [frontKeys.login]: login, [frontKeys.ca]: args.ca } },
        inside,
      ),
    ];
    const policies = spec.networkPolicies.map(
      (policy, index) => new k8s.networking.v1.NetworkPolicy(`${name}-network-${index + 1}`, policy, inside),
    );
    const daemonSet = withPodAnnotations(spec.daemonSet, {
      'agent-data-platform/credentials-checksum': pulumi.unsecret(login.apply(checksum)),
      'agent-data-platform/ca-checksum': pulumi.output(args.ca).apply(checksum),
    });
    new k8s.apps.v1.DaemonSet(name, daemonSet, { ...parent, dependsOn: [...objects, ...policies] });
    this.namespace = namespace.metadata.name;
    this.registerOutputs({ namespace: this.namespace });
  }
}
