import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { aclFile, AclUserName, ApplicationRules } from './redis-acl';
import { RedisArgs } from './redis-args';
import { declareLogins, generatedPasswords, Passwords } from './redis-logins';
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
    const applications = args.applications ?? {};
    const passwords = generatedPasswords(name, applications, this);
    const credentials = declareLogins(name, spec.secrets.consumers, passwords, this);
    declareLogins(name, spec.secrets.applications, passwords, this);
    this.workloads = this.declareWorkloads(name, spec, [
      new k8s.core.v1.ConfigMap(`${name}-config`, spec.configMap, { parent: this }),
      ...this.declareInternalSecrets(name, spec, passwords, applications),
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
    this.credentialSecrets = credentials;
    this.registerOutputs({
      sentinelHost: this.sentinelHost,
      sentinelPort: this.sentinelPort,
      masterGroup: this.masterGroup,
      credentialSecrets: this.credentialSecrets,
    });
  }

  private declareInternalSecrets(
    name: string,
    spec: RedisSpec,
    passwords: Passwords,
    applications: ApplicationRules,
  ): k8s.core.v1.Secret[] {
    const files = pulumi.output(passwords).apply((clear) => ({
      'server.acl': aclFile('server', clear, applications),
      'sentinel.acl': aclFile('sentinel', clear, applications),
    }));
    const { node, replica, sentinel } = passwords as Record<AclUserName, pulumi.Output<string>>;
    return [
      new k8s.core.v1.Secret(`${name}-acl`, { ...spec.secrets.acl, stringData: files }, { parent: this }),
      new k8s.core.v1.Secret(
        `${name}-replication`,
        { ...spec.secrets.replication, stringData: { node, replica, sentinel } },
        { parent: this },
      ),
    ];
  }

  private declareWorkloads(name: string, spec: RedisSpec, dependsOn: pulumi.Resource[]) {
    const options = {
      parent: this,
      dependsOn,
      // Pods are replaced one by one, each after the hand-over and the synchronisation of the one before.
      customTimeouts: { create: '15m', update: '30m', delete: '10m' },
    };
    // Not one after the other: each kind waits for the other before it is ready.
    return [
      new k8s.apps.v1.StatefulSet(name, spec.statefulSets.data, options),
      new k8s.apps.v1.StatefulSet(`${name}-sentinel`, spec.statefulSets.sentinel, options),
    ];
  }
}
