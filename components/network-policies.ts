import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { AddressRange, NetworkPoliciesArgs as SpecArgs } from './network-policies-args';
import { networkPoliciesSpec, type PolicySpec, withApiServer } from './network-policies-spec';

/** Arguments of the NetworkPolicies component. */
export interface NetworkPoliciesArgs extends SpecArgs {
  /** Where pods reach the API server: its own addresses, not that of its Service. */
  readonly apiServer: pulumi.Input<readonly AddressRange[]>;
}

/**
 * Closes the platform's namespace, and those of the operators that the stack manages, to every connection but the stores' own;
 * takes effect where the cluster's network plugin enforces NetworkPolicies. Needs the namespaces.
 * @see https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export class NetworkPolicies extends pulumi.ComponentResource {
  constructor(name: string, args: NetworkPoliciesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:NetworkPolicies', name, {}, opts);
    const { flows, defaultDeny } = networkPoliciesSpec(args);
    const declare = (policy: PolicySpec, dependsOn: pulumi.Resource[]) => {
      const { namespace, name: policyName } = policy.metadata;
      return new k8s.networking.v1.NetworkPolicy(
        `${name}-${namespace === args.namespace ? '' : `${namespace}-`}${policyName}`,
        {
          metadata: policy.metadata,
          spec: policy.reachesApiServer
            ? pulumi.output(args.apiServer).apply((ranges) => withApiServer(policy, ranges).spec)
            : policy.spec,
        },
        { parent: this, dependsOn },
      );
    };
    const allowed = flows.map((policy) => declare(policy, []));
    // What is allowed is there before the rest is denied, and still there while that is taken back.
    for (const policy of defaultDeny) declare(policy, allowed);
    this.registerOutputs();
  }
}
