/** A PostgreSQL cluster of the real operator, made of the objects that the component declares, in its order. */
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import * as bundle from '../../components/manifest-bundle/provider';
import { slotOf } from '../../components/credential';
import { operatorsSpec } from '../../components/operators';
import type { PostgresArgs } from '../../components/postgres-args';
import { awaitLogins } from '../../components/postgres-logins-provider';
import { type Credential, type RotatingRole, rotatingRoles } from '../../components/postgres-roles';
import { awaitRollout } from '../../components/postgres-rollout-provider';
import { postgresSpec } from '../../components/postgres-spec';
import { cloudNativePgManifest } from '../../components/versions';
import { connectionReference } from '../connections';
import { readChangeFiles } from '../engine/change-files';
import { migrateUp } from '../engine/runner';
import { KubernetesCluster, type KubernetesObject } from '../kubernetes/cluster';
import { forwardWhenReady } from '../kubernetes/ready-tunnel';
import { connect } from '../provider/connection';
import { sqlFormat } from '../targets/postgres/format';
import { eventually } from './servers';

/** A login, as its Secret holds it. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

type LoginSecret = ReturnType<typeof postgresSpec>['logins']['owner'];

const FIELD_MANAGER = 'postgres-test';

/** Installs the operator; returns what removes it again. */
export async function installOperator(): Promise<() => Promise<void>> {
  const { id, outs } = await bundle.create(
    operatorsSpec({ mode: 'managed', manifest: cloudNativePgManifest }).bundle!,
  );
  return () => bundle.remove(id, outs);
}

/** A cluster in a namespace of its own, whose passwords are rotated as the component does. */
export class PostgresTestCluster {
  readonly cluster = KubernetesCluster.load();
  readonly namespace = `postgres-${randomBytes(4).toString('hex')}`;
  private readonly passwords = new Map<string, string>();

  constructor(private args: Omit<PostgresArgs, 'namespace' | 'rotation'>) {}

  /**
   * Makes the namespace, and the cluster and its poolers with the first passwords.
   * @param prepare Called once the namespace exists.
   */
  async start(prepare?: () => Promise<void>): Promise<void> {
    const { priorityClass: name } = this.args;
    const enforce = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await this.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: this.namespace, labels: enforce },
    });
    if (name)
      await this.apply({
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name },
        value: 1,
      });
    await prepare?.();
    await this.rotate(1);
    for (const pooler of postgresSpec({ ...this.args, namespace: this.namespace }).poolers) {
      await this.apply(pooler);
      await eventually('the Deployment of the pooler', 120_000, () =>
        this.cluster.read('apps/v1', 'Deployment', this.namespace, pooler.metadata.name),
      );
      await awaitRollout({ namespace: this.namespace, name: pooler.metadata.name, revision: '' });
    }
  }

  /** Replaces the passwords: what the operator reads first, and when every instance accepts it, what applications read. */
  async rotate(rotation: number): Promise<void> {
    const { namespace } = this;
    const spec = postgresSpec({ ...this.args, namespace, rotation });
    const { logins, cluster, archive, replica, caSecret } = spec;
    await this.applyLogin(logins.owner, this.password('owner', rotation));
    const current = slotOf(rotation);
    for (const { role, slot, ...secret } of logins.slots) {
      await this.applyLogin(secret, this.password(role, slot === current ? rotation : rotation - 1));
    }
    if (archive?.ca) await this.apply({ apiVersion: 'v1', kind: 'Secret', ...archive.ca });
    if (archive) await this.apply(archive.objectStore);
    await this.apply(cluster);
    await this.healthy();
    if (archive) await this.apply(archive.scheduledBackup);
    // Its roles and passwords are those of the cluster that it follows.
    if (replica) return;
    const secrets = [logins.owner, ...logins.slots].map(({ metadata }) => metadata.name);
    await awaitLogins({ namespace, cluster: cluster.metadata.name, secrets, caSecret, rotation });
    for (const role of rotatingRoles) {
      await this.applyLogin(logins.current(role, current), this.password(role, rotation));
    }
  }

  /** Applies other arguments to the cluster that runs. */
  async change(args: Partial<PostgresArgs>): Promise<void> {
    this.args = { ...this.args, ...args };
    await this.rotate(1);
  }

  /** Rows of a statement that a login sends to the primary, or to the first instance of a replica. */
  async query(login: Login, statement: string): Promise<Record<string, unknown>[]> {
    const tunnel = await forwardWhenReady(this.cluster, this.namespace, 'postgres-rw', 5432);
    const client = new Client({
      ...{ host: '127.0.0.1', port: tunnel.port, database: 'platform' },
      ...{ user: login.username, password: login.password },
      ssl: { ca: await this.ca(), servername: 'postgres-rw' },
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
      await tunnel.close();
    }
  }

  /** Applies the change files, as the stack does. */
  async migrate(): Promise<void> {
    const { target, close } = await connect({
      store: 'postgres',
      database: 'platform',
      reference: connectionReference('postgres', { namespace: this.namespace }),
      holder: 'test',
      budgetMs: 60_000,
    });
    const folderName = 'migrations/postgres/platform';
    const folder = readChangeFiles(folderName, sqlFormat);
    const { failed } = await migrateUp({ target, folder, folderName, appliedBy: 'test' });
    await close();
    if (failed) throw failed.error;
  }

  /** The login that a Secret holds now. */
  async login(role: Credential): Promise<Login> {
    return (await this.cluster.secret(this.namespace, `postgres-${role}`)) as unknown as Login;
  }

  /** PEM of the authority that the operator made. */
  async ca(): Promise<string> {
    return (await this.cluster.secret(this.namespace, 'postgres-ca'))!['ca.crt']!;
  }

  /** Runs a shell script in the primary's pod, with one argument as `$0`; what it prints. */
  async inPrimary(script: string, argument: string): Promise<string> {
    const { Exec } = await import('@kubernetes/client-node/dist/exec.js');
    const found = await this.cluster.read('postgresql.cnpg.io/v1', 'Cluster', this.namespace, 'postgres');
    const primary: string = found?.status.currentPrimary;
    const command = ['sh', '-c', script, argument];
    const [output, errors] = [new PassThrough(), new PassThrough()];
    const ended = new Promise<{ status?: string }>((resolve, reject) => {
      new Exec(this.cluster.config)
        .exec(this.namespace, primary, 'postgres', command, output, errors, null, false, resolve)
        .catch(reject);
    });
    const [printed, complaints] = [text(output), text(errors)];
    const { status } = await ended;
    output.end();
    errors.end();
    if (status !== 'Success') throw new Error(await complaints);
    return printed;
  }

  /** Waits for every instance. */
  async healthy(): Promise<void> {
    await eventually('a healthy cluster', 300_000, async () => {
      const found = await this.cluster.read('postgresql.cnpg.io/v1', 'Cluster', this.namespace, 'postgres');
      return found?.status?.readyInstances === this.args.instances;
    });
  }

  async stop(): Promise<void> {
    const { priorityClass } = this.args;
    await this.cluster.delete('v1', 'Namespace', undefined, this.namespace);
    if (priorityClass)
      await this.cluster.delete('scheduling.k8s.io/v1', 'PriorityClass', undefined, priorityClass);
    await eventually(
      'the namespace is gone',
      120_000,
      async () => !(await this.cluster.read('v1', 'Namespace', undefined, this.namespace)),
    );
  }

  private password(role: 'owner' | RotatingRole, generation: number): string {
    const key = `${role} ${generation}`;
    const password = this.passwords.get(key) ?? randomBytes(16).toString('hex');
    this.passwords.set(key, password);
    return password;
  }

  private async applyLogin({ username, metadata, type }: LoginSecret, password: string): Promise<void> {
    await this.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type,
      stringData: { username, password },
    });
  }

  private apply(object: object): Promise<KubernetesObject> {
    return this.cluster.apply(object as KubernetesObject, { fieldManager: FIELD_MANAGER, force: true });
  }
}
