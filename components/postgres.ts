import { createHash } from 'node:crypto';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { credential, type Credential as RotatedCredential, generatedPassword } from './credential';
import { PostgresArgs } from './postgres-args';
import { PostgresLogins } from './postgres-logins';
import { type Credential, type RotatingRole, rotatingRoles } from './postgres-roles';
import { PoolerRollout } from './postgres-rollout';
import { PostgresSpec, postgresSpec } from './postgres-spec';

export type { PostgresArgs } from './postgres-args';

type LoginSecret = PostgresSpec['logins']['owner'];
type Passwords = Readonly<Record<RotatingRole, RotatedCredential>>;

/**
 * A PostgreSQL cluster run by CloudNativePG, with its roles, PgBouncer and partition maintenance. Its certificates are the
 * operator's; connections without TLS are refused. Raising `rotation` gives each role but the owner a second login with the
 * same rights, and their Secrets switch to it once every instance accepts it; the one before stays valid until the next rotation.
 * Needs the operator (see `Operators`), the namespace and a provider that changes Secrets in place (`enableSecretMutable`);
 * deletes neither volumes of a retaining StorageClass.
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
    const logins = this.declareLogins(name, spec);
    this.cluster = this.declareCluster(name, spec, [
      ...[logins.owner, ...logins.slots],
      ...this.declareArchive(name, spec),
    ]);
    this.declareScheduledBackup(name, spec);
    // A cluster that follows another has the passwords of that one, and takes no writes.
    const accepted = spec.replica ? [] : [this.declareAccepted(name, spec, args.context)];
    this.declarePoolers(name, spec, args.context);
    this.declareMonitors(name, spec);
    if (!spec.replica) this.declarePartitionMaintenance(name, spec, accepted);
    this.host = spec.endpoints.host;
    this.roHost = spec.endpoints.roHost;
    this.poolerHost = spec.endpoints.poolerHost;
    this.port = spec.endpoints.port;
    this.database = spec.databaseName;
    this.credentialSecrets = {
      owner: logins.owner.metadata.name,
      ...this.declareCurrentLogins(name, spec, logins.passwords, accepted),
    };
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

  /** The Secrets that the operator takes passwords from. */
  private declareLogins(name: string, { logins, rotation }: PostgresSpec) {
    const declare = (suffix: string, spec: LoginSecret, password: pulumi.Output<string>) =>
      this.declareLogin(`${name}-${suffix}`, spec, password, []);
    const passwords = Object.fromEntries(
      rotatingRoles.map((role) => [role, credential(`${name}-${role}`, rotation, this)]),
    ) as Passwords;
    return {
      passwords,
      owner: declare('owner', logins.owner, generatedPassword(`${name}-owner`, this, rotation)),
      slots: logins.slots.map(({ role, slot, ...secret }) => {
        const { current, previous, slot: currentSlot } = passwords[role];
        return declare(`${role}-${slot}`, secret, slot === currentSlot ? current : previous!);
      }),
    };
  }

  /** What the Secrets of the applications wait for. */
  private declareAccepted(name: string, spec: PostgresSpec, context: string | undefined): PostgresLogins {
    const { namespace, name: cluster } = spec.cluster.metadata;
    const secrets = [spec.logins.owner, ...spec.logins.slots].map(({ metadata }) => metadata.name);
    const { rotation, caSecret } = spec;
    return new PostgresLogins(
      `${name}-logins`,
      { namespace, cluster, secrets, caSecret, rotation, ...(context ? { context } : {}) },
      { parent: this, dependsOn: this.cluster },
    );
  }

  private declareCurrentLogins(
    name: string,
    { logins }: PostgresSpec,
    passwords: Passwords,
    accepted: pulumi.Resource[],
  ): Record<RotatingRole, pulumi.Output<string>> {
    const declare = (role: RotatingRole) => {
      const { slot, current } = passwords[role];
      return this.declareLogin(`${name}-${role}`, logins.current(role, slot), current, accepted);
    };
    return Object.fromEntries(rotatingRoles.map((role) => [role, declare(role).metadata.name])) as Record<
      RotatingRole,
      pulumi.Output<string>
    >;
  }

  private declareLogin(
    name: string,
    { username, metadata, type }: LoginSecret,
    password: pulumi.Output<string>,
    dependsOn: pulumi.Resource[],
  ): k8s.core.v1.Secret {
    const stringData = { username, password };
    return new k8s.core.v1.Secret(name, { metadata, type, stringData }, { parent: this, dependsOn });
  }

  /** Where the cluster archives; in place before it starts. */
  private declareArchive(name: string, { archive }: PostgresSpec): pulumi.Resource[] {
    if (!archive) return [];
    const { ca, objectStore } = archive;
    const parent = { parent: this };
    return [
      ...(ca ? [new k8s.core.v1.Secret(`${name}-archive-ca`, ca, parent)] : []),
      new k8s.apiextensions.CustomResource(`${name}-archive`, objectStore, parent),
    ];
  }

  private declareScheduledBackup(name: string, { archive }: PostgresSpec): void {
    if (!archive) return;
    new k8s.apiextensions.CustomResource(`${name}-base-backups`, archive.scheduledBackup, {
      parent: this,
      dependsOn: this.cluster,
    });
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

  private declarePartitionMaintenance(name: string, spec: PostgresSpec, accepted: pulumi.Resource[]): void {
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-partition-maintenance`,
      spec.partitionMaintenanceAccount,
      { parent: this },
    );
    new k8s.batch.v1.CronJob(`${name}-partition-maintenance`, spec.partitionMaintenance, {
      parent: this,
      dependsOn: [...accepted, account],
    });
  }

  private declareMonitors(name: string, spec: PostgresSpec): void {
    for (const monitor of spec.podMonitors) {
      const suffix = monitor.metadata.name.slice(spec.cluster.metadata.name.length);
      new k8s.apiextensions.CustomResource(`${name}${suffix}-monitor`, monitor, { parent: this });
    }
  }
}
