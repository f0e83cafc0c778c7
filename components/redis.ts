import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { CERTIFICATE_ANNOTATION, withPodAnnotations } from './pod-annotations';
import { RedisArgs } from './redis-args';
import { RedisLogins } from './redis-logins';
import { Consumer, RedisSpec, redisSpec } from './redis-spec';

export type { RedisArgs } from './redis-args';

/**
 * One Redis master with replicas, watched by Sentinels; needs the namespace.
 *
 * Clients ask a Sentinel (`sentinelHost`) for the master of `masterGroup` and connect to the pod it names; there is
 * no Service for the data pods, since only one of them takes writes and it changes.
 *
 * What is kept: a write for which `WAIT <all replicas>` returned that number survives the loss of the master, whichever
 * replica Sentinel promotes. With `WAIT 1` it survives as long as the replica that confirmed it is the one promoted:
 * Sentinel prefers the replica that has read the most, as far as it has heard, so this is usual but not certain.
 * A write without `WAIT` may be lost with its master. A master that stops in order hands over without losing any.
 * `minReplicasToWrite` only bounds for how long (`minReplicasMaxLag`) a master cut off from its replicas takes writes.
 * If all pods lose power together, `appendFsync: everysec` may lose the last 2 seconds, confirmed by WAIT or not;
 * `always`, or WAITAOF by the client, does not.
 *
 * With `tlsSecret` every port speaks TLS alone. Each login has a Secret `<name>-<user>`: `app` (all data commands), `readonly`,
 * `backup` (copies the data set as a replica does), `monitor` (counters, no data), `migrations`, and each of `applications`.
 * One more `rotation` replaces all passwords under load: servers accept the new ones beside the old, then use them towards each
 * other, then the Secrets have them; nothing restarts, and the old ones are refused from the next rotation on.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
 * @see https://redis.io/docs/latest/commands/wait/
 */
export class Redis extends pulumi.ComponentResource {
  /** Service of the Sentinels. */
  readonly sentinelHost: string;
  readonly sentinelPort: number;
  /** Name of the master group to ask the Sentinels for. */
  readonly masterGroup: string;
  /** Headless Service of the data pods. */
  readonly nodesService: string;
  /** Secrets with the keys `username` and `password`, valid on data pods and Sentinels, by ACL user. */
  readonly credentialSecrets: Readonly<Record<Consumer, pulumi.Output<string>>>;
  /** The two StatefulSets: depend on them to use Redis. */
  readonly workloads: readonly k8s.apps.v1.StatefulSet[];

  constructor(name: string, args: RedisArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Redis', name, {}, opts);
    const spec = redisSpec(args);
    const logins = this.declareLogins(name, spec, args);
    const certificate = { [CERTIFICATE_ANNOTATION]: args.certificateFingerprint };
    this.workloads = this.declareWorkloads(name, spec, certificate, [
      new k8s.core.v1.ServiceAccount(name, spec.serviceAccount, { parent: this }),
      new k8s.core.v1.ConfigMap(`${name}-config`, spec.configMap, { parent: this }),
      ...logins.mounted,
      new k8s.core.v1.Service(`${name}-nodes`, spec.services.data, { parent: this }),
      new k8s.core.v1.Service(`${name}-sentinel-nodes`, spec.services.sentinelNodes, { parent: this }),
    ]);
    // Its readiness is that of the Sentinels behind it.
    new k8s.core.v1.Service(`${name}-sentinel`, spec.services.sentinel, {
      parent: this,
      dependsOn: [...this.workloads],
    });
    const { data, sentinel } = spec.disruptionBudgets;
    new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, data, { parent: this });
    new k8s.policy.v1.PodDisruptionBudget(`${name}-sentinel-budget`, sentinel, { parent: this });
    this.sentinelHost = spec.endpoints.sentinelHost;
    this.sentinelPort = spec.endpoints.sentinelPort;
    this.masterGroup = spec.endpoints.masterGroup;
    this.nodesService = spec.endpoints.nodesService;
    this.credentialSecrets = logins.declareSecrets(this.workloads);
    this.registerOutputs({
      sentinelHost: this.sentinelHost,
      sentinelPort: this.sentinelPort,
      masterGroup: this.masterGroup,
      credentialSecrets: this.credentialSecrets,
    });
  }

  private declareLogins(name: string, { secrets, rotation: pods }: RedisSpec, args: RedisArgs) {
    const { applications = {}, rotation: generation = 1 } = args;
    return new RedisLogins<Consumer>(
      name,
      {
        ...{ secrets, applications, generation, pods },
        sides: ['server', 'sentinel'],
        internal: ['node', 'replica', 'sentinel'],
      },
      this,
    );
  }

  private declareWorkloads(
    name: string,
    { statefulSets: { data, sentinel } }: RedisSpec,
    annotations: Readonly<Record<string, pulumi.Input<string> | undefined>>,
    dependsOn: pulumi.Resource[],
  ) {
    const options = {
      parent: this,
      dependsOn,
      // Pods are replaced one by one, each after the hand-over and the synchronisation of the one before.
      customTimeouts: { create: '15m', update: '30m', delete: '10m' },
    };
    // Not one after the other: each kind waits for the other before it is ready.
    return [
      new k8s.apps.v1.StatefulSet(name, withPodAnnotations(data, annotations), options),
      new k8s.apps.v1.StatefulSet(`${name}-sentinel`, withPodAnnotations(sentinel, annotations), options),
    ];
  }
}
