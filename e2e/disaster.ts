/** Loses a platform with its volumes, and executes the commands of docs/disaster-recovery.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { projectRoot } from '../migrations/project-root';
import { eventually } from '../migrations/testing/servers';
import { backupStores } from '../ops/stores';
import { restoreNewest } from './backups';
import { Clients, type ContractOutputs } from './clients';
import { type Copies, copiesConfig, postgresArchives, runCronJob } from './copies';
import { names } from './inventory';
import type { TestStack } from './pulumi';
import { recordsOf } from './records';
import { decrypt, encrypt, type VaultContract } from './vault';

/** What each command of the runbook does here, by the command. */
type RunbookSteps = Readonly<Record<string, () => Promise<unknown>>>;

const RUNBOOK = 'docs/disaster-recovery.md';
const SECTION = 'Everything is lost';
const UNSEAL_SECRET = 'vault-unseal';

/** Commands of the section of the runbook for a platform that is lost, in their order. */
function runbookCommands(): string[] {
  const text = readFileSync(join(projectRoot(), RUNBOOK), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${SECTION}\n`));
  const blocks = [...(section ?? '').matchAll(/^ *```sh\n(.*?)^ *```$/gms)];
  const commands = blocks.flatMap(([, block]) => block!.split('\n').map((line) => line.trim()));
  return commands.filter((line) => line !== '');
}

/**
 * Executes the runbook.
 * @returns Seconds by command.
 * @throws AssertionError when it has a command that no step is given for, or lacks one.
 */
async function followRunbook(steps: RunbookSteps): Promise<Record<string, number>> {
  const commands = runbookCommands();
  assert.deepEqual(commands, Object.keys(steps));
  const seconds: Record<string, number> = {};
  for (const command of commands) {
    const begun = performance.now();
    await steps[command]!();
    seconds[command] = Math.round((performance.now() - begun) / 100) / 10;
  }
  return seconds;
}

/** Deletes a platform's namespace and every volume that it had, as nobody ever should. */
async function loseNamespace(cluster: KubernetesCluster, namespace: string): Promise<void> {
  await cluster.delete('v1', 'Namespace', undefined, namespace);
  await eventually(
    `${namespace} is gone`,
    300_000,
    async () => !(await names(cluster, 'v1', 'Namespace')).includes(namespace),
  );
  for (const { metadata, spec } of await cluster.list('v1', 'PersistentVolume'))
    if (spec.claimRef?.namespace === namespace)
      await cluster.delete('v1', 'PersistentVolume', undefined, metadata.name!);
}

/** A platform that is lost and made again: PostgreSQL to its last minute, the other stores as of the copy. */
export class Recovery {
  constructor(
    private readonly cluster: KubernetesCluster,
    private readonly stack: TestStack,
    private readonly copies: Copies,
    /** Section of the configuration that the platform was made with. */
    private readonly postgres: object,
  ) {}

  /** @returns the new platform, of which everything was found that applications had written before. */
  async loseAndRecover(outputs: ContractOutputs, clients: Clients) {
    const { cluster, stack } = this;
    const { namespace } = outputs;
    await postgresArchives(cluster, namespace);
    const written = await recordsOf(clients, outputs);
    const sealed = await encrypt(cluster, await stack.outputs(), 'of before the disaster');
    await runCronJob(cluster, namespace, 'backup-daily');
    const archived = await writeArchived(clients, outputs, 'z-after-the-copy');
    const unsealKeys = (await cluster.secret(namespace, UNSEAL_SECRET))!;
    await loseNamespace(cluster, namespace);
    const lost = performance.now();
    const seconds = await this.followRunbook(namespace, unsealKeys);
    const recovered = await stack.outputs<VaultContract>();
    assert.equal(await decrypt(cluster, recovered, sealed), 'of before the disaster');
    const now = new Clients(cluster, recovered);
    assert.deepEqual(await recordsOf(now, recovered), {
      ...written,
      postgres: [...written['postgres']!, { name: 'z-after-the-copy' }],
    });
    const rto = ((performance.now() - lost) / 1000).toFixed(0);
    const steps = Object.entries(seconds).map(([command, took]) => `${command} ${took} s`);
    const figure = `disaster recovery: RTO ${rto} s (${steps.join(', ')}); a row of PostgreSQL was safe ${archived} s after its commit`;
    return { outputs: recovered as ContractOutputs, clients: now, figure };
  }

  private followRunbook(namespace: string, unsealKeys: Record<string, string>) {
    const { cluster, stack, copies } = this;
    return followRunbook({
      'npm run down': () => stack.destroy(),
      'npm run up': async () => {
        const { backups } = await copiesConfig();
        stack.configure({
          postgres: { ...this.postgres, rotation: 2, recovery: { serverName: 'postgres' } },
          backups: { ...backups, postgres: { serverName: 'postgres-2' } },
        });
        await Promise.all([stack.up(), copies.giveLogin(namespace)]);
      },
      'npm run platform -- restore --force --yes --store redis neo4j oxigraph elasticsearch qdrant chroma minio vault':
        async () => {
          const metadata = { name: UNSEAL_SECRET, namespace };
          const secret = { apiVersion: 'v1', kind: 'Secret', metadata, stringData: unsealKeys };
          await cluster.apply(secret, { fieldManager: 'e2e', force: true });
          const others = backupStores.filter((store) => store !== 'postgres');
          await restoreNewest(await stack.outputs<ContractOutputs>(), copies, others);
        },
      'npm run preview': async () => assert.deepEqual((await stack.preview()).steps, []),
    });
  }
}

/**
 * Writes a row and waits until the log with it is in the archive.
 * @returns Seconds after its commit.
 */
async function writeArchived(clients: Clients, { postgres }: ContractOutputs, name: string): Promise<number> {
  const client = await clients.postgresClient('app', postgres.primary);
  try {
    await client.query('INSERT INTO platform.projects (name) VALUES ($1)', [name]);
    const committed = performance.now();
    const { rows } = await client.query('SELECT pg_walfile_name(pg_current_wal_lsn()) AS file');
    await eventually('the row is in the archive', 300_000, async () => {
      const archived = await client.query('SELECT last_archived_wal >= $1 AS done FROM pg_stat_archiver', [
        rows[0].file,
      ]);
      return archived.rows[0].done === true;
    });
    return Math.round((performance.now() - committed) / 100) / 10;
  } finally {
    await client.end();
  }
}
