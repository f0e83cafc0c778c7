import { createHash } from 'node:crypto';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { generatedPassword } from './password';
import { PostgresArgs } from './postgres-args';
import { PoolerRollout } from './postgres-rollout';
import { Credential, credentials, PostgresSpec, postgresSpec } from './postgres-spec';

export type { PostgresArgs } from './postgres-args';

/**
 * A PostgreSQL cluster run by CloudNativePG, with its roles, PgBouncer and partition maintenance.
 * Needs the operator (see `Operators`) and the namespace; deletes neither volumes of a retaining StorageClass.
 * @see https://cloudnative-pg.io/documentation/current/cloudnative-pg.v1/
 */
export class Postgres extends pulumi.ComponentResource {
  /** Service of the primary. */
  readonly host: string;
  /** Service of the replicas; of any instance when there is only one. */
  readonly roHost: string;
  /** Service of PgBouncer in front of the primary; undefined without a pooler. */
  readonly poolerHost: string | undefined;
  /** TCP port of every Service above. */
  readonly port: number;
  readonly database: string;
  /** Secrets with the keys `username` and `password`, by role. */
  readonly credentialSecrets: Readonly<Record<Credential, pulumi.Output<string>>>;
  /** Secret with the certificate authority of the servers in key `ca.crt`; exists once the cluster is ready. */
  readonly caSecret: pulumi.Output<string>;
  /** The Cluster object: depend on it to use the database. */
  readonly cluster: k8s.apiextensions.CustomResource;

  constructor(name: string, args: PostgresArgs, opts?: pulumi.ComponentResourceOptions) {
    const spec = postgresSpec(args);
    super('agent-data-platform:data:Postgres', name, {}, opts);
    const secrets = this.declareSecrets(name, spec);
    this.cluster = this.declareCluster(name, spec, Object.values(secrets));
    this.declarePoolers(name, spec, args.context);
    this.declareMonitors(name, spec);
    new k8s.batch.v1.CronJob(`${name}-partition-maintenance`, spec.partitionMaintenance, {
      parent: this,
      dependsOn: this.cluster,
    });
    this.host = spec.endpoints.host;
    this.roHost = spec.endpoints.roHost;
    this.poolerHost = spec.endpoints.poolerHost;
    this.port = spec.endpoints.port;
    this.database = spec.cluster.spec.bootstrap.initdb.database;
    this.credentialSecrets = Object.fromEntries(
      credentials.map((role) => [role, secrets[role].metadata.name]),
    ) as Record<Credential, pulumi.Output<string>>;
    // The operator makes this Secret, so its name only counts once the cluster is ready.
    this.caSecret = this.cluster.id.apply(() => spec.caSecret);
    this.registerOutputs({
      host: this.host,
      roHost: this.roHost,
      poolerHost: this.poolerHost,
      port: this.port,
      database: this.database,
      credentialSecrets: this.credentialSecrets,
      caSecret: this.caSecret,
    });
  }

  private declareSecrets(name: string, spec: PostgresSpec): Record<Credential, k8s.core.v1.Secret> {
    const declare = (role: Credential) => {
      const { username, ...secret } = spec.secrets[role];
      const stringData = { username, password: generatedPassword(`${name}-${role}`, this) };
      return new k8s.core.v1.Secret(`${name}-${role}`, { ...secret, stringData }, { parent: this });
    };
    return Object.fromEntries(credentials.map((role) => [role, declare(role)])) as Record<
      Credential,
      k8s.core.v1.Secret
    >;
  }

  private declareCluster(name: string, spec: PostgresSpec, dependsOn: pulumi.Resource[]) {
    const cluster = new k8s.apiextensions.CustomResource(`${name}-cluster`, spec.cluster, {
      parent: this,
      dependsOn,
      // A rolling update restarts the instances one by one, each with its own shutdown delay.
      customTimeouts: { create: '15m', update: '30m', delete: '10m' },
    });
    if (spec.database) {
      new k8s.apiextensions.CustomResource(`${name}-database`, spec.database, {
        parent: this,
        dependsOn: cluster,
      });
    }
    return cluster;
  }

  private declarePoolers(name: string, spec: PostgresSpec, context: string | undefined): void {
    for (const pooler of spec.poolers) {
      const { type } = pooler.spec;
      const resource = new k8s.apiextensions.CustomResource(`${name}-pooler-${type}`, pooler, {
        parent: this,
        dependsOn: this.cluster,
      });
      const revision = createHash('sha256').update(JSON.stringify(pooler.spec)).digest('hex').slice(0, 12);
      const { namespace, name: deployment } = pooler.metadata;
      new PoolerRollout(
        `${name}-pooler-${type}-rollout`,
        { namespace, name: deployment, revision, ...(context ? { context } : {}) },
        { parent: this, dependsOn: resource },
      );
    }
    spec.poolerDisruptionBudgets.forEach((budget, index) => {
      const type = spec.poolers[index]!.spec.type;
      new k8s.policy.v1.PodDisruptionBudget(`${name}-pooler-${type}-budget`, budget, { parent: this });
    });
  }

  private declareMonitors(name: string, spec: PostgresSpec): void {
    for (const monitor of spec.podMonitors) {
      const suffix = monitor.metadata.name.slice(spec.cluster.metadata.name.length);
      new k8s.apiextensions.CustomResource(`${name}${suffix}-monitor`, monitor, { parent: this });
    }
  }
}
