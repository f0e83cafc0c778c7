import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { CERTIFICATE_ANNOTATION, withPodAnnotations } from './pod-annotations';
import { RedisClusterArgs } from './redis-cluster-args';
import { redisClusterSpec } from './redis-cluster-spec';
import { RedisLogins } from './redis-logins';
import { Consumer } from './redis-spec';

export type { RedisClusterArgs } from './redis-cluster-args';

/**
 * A Redis Cluster: masters that share the keys, each with one replica; needs the namespace.
 *
 * Clients of Redis Cluster start at `host` and are told the name of the node that has a key. Only database 0 exists.
 * A keeper beside each server forms the cluster, lets nodes find each other again at new addresses, and replaces a node
 * that lost its volume; it never moves slots that have an owner.
 *
 * What is kept: a write for which `WAIT 1` returned 1 survives the loss of one pod of a pair, since the only replica of
 * its master has it. Without WAIT the last moments can be lost; if a pair is lost together, `appendFsync: everysec` may
 * lose the last 2 seconds. A master that stops in order hands over without losing any.
 *
 * TLS, logins and their rotation are those of `Redis`; the nodes talk to each other over TLS too.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/
 */
export class RedisCluster extends pulumi.ComponentResource {
  /** Service in front of all nodes that are ready. */
  readonly host: string;
  readonly port: number;
  /** Headless Service of the nodes. */
  readonly nodesService: string;
  /** Secrets with the keys `username` and `password`, by ACL user. */
  readonly credentialSecrets: Readonly<Record<Consumer, pulumi.Output<string>>>;

  constructor(name: string, args: RedisClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:RedisCluster', name, {}, opts);
    const spec = redisClusterSpec(args);
    const { applications = {}, rotation: generation = 1 } = args;
    const logins = new RedisLogins<Consumer>(
      name,
      {
        ...{ secrets: spec.secrets, applications, generation, pods: spec.rotation },
        sides: ['cluster'],
        internal: ['node', 'replica'],
      },
      this,
    );
    const certificate = { [CERTIFICATE_ANNOTATION]: args.certificateFingerprint };
    const pods = new k8s.apps.v1.StatefulSet(name, withPodAnnotations(spec.statefulSet, certificate), {
      parent: this,
      dependsOn: [
        new k8s.core.v1.ServiceAccount(name, spec.serviceAccount, { parent: this }),
        new k8s.core.v1.ConfigMap(`${name}-config`, spec.configMap, { parent: this }),
        ...logins.mounted,
        new k8s.core.v1.Service(`${name}-nodes`, spec.services.nodes, { parent: this }),
      ],
      // Pods are replaced one by one, each after the hand-over and the synchronisation of the one before.
      customTimeouts: { create: '15m', update: '30m', delete: '10m' },
    });
    // Its readiness is that of the nodes behind it.
    new k8s.core.v1.Service(name, spec.services.client, { parent: this, dependsOn: [pods] });
    new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, spec.disruptionBudget, { parent: this });
    this.credentialSecrets = logins.declareSecrets([pods]);
    this.host = spec.endpoints.host;
    this.port = spec.endpoints.port;
    this.nodesService = spec.endpoints.nodesService;
    this.registerOutputs({
      host: this.host,
      port: this.port,
      credentialSecrets: this.credentialSecrets,
    });
  }
}
