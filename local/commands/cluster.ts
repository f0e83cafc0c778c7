import { Argument, type Command } from 'commander';
import { chooseClusterOf, type LocalCluster, openCluster } from '../cluster-choice';
import { kindStatus, stopKindCluster } from '../kind/kind';
import { oneNodeStatus, stopOneNodeCluster } from '../one-node';
import { clusterLayout } from '../one-node/layout';
import { note, step } from '../progress';
import { loadStackSettings } from '../pulumi/project';
import { type CliContext, exitCodes, UsageError } from './cli-context';

/** Adds `cluster start|stop|status`. */
export function addClusterCommand(program: Command, { finish }: CliContext): void {
  program
    .command('cluster')
    .description("start, stop or show the stack dev's local cluster; its data stays")
    .addArgument(new Argument('<action>', 'what to do').choices(['start', 'stop', 'status']))
    .option('--json', 'print the status as JSON')
    .action(async (action: 'start' | 'stop' | 'status', options: { json?: boolean }) => {
      const settings = loadStackSettings('dev');
      const choice = await chooseClusterOf(settings);
      if (choice.kind === 'context')
        throw new UsageError(
          `Stack dev uses the context "${choice.context}", which this command does not manage.`,
          'Use the tools of that cluster, or remove agent-data-platform:kubeContext from Pulumi.dev.yaml.',
        );
      if (action === 'start') await openCluster(choice, settings);
      else if (action === 'stop') await stopLocalCluster(choice);
      else await printStatus(choice, options.json);
      finish(exitCodes.ok);
    });
}

/** Stops a local cluster and says where its data is. */
export async function stopLocalCluster(cluster: LocalCluster): Promise<void> {
  const { kind, name } = cluster;
  await step(`Stopping the ${kind} cluster ${name}`, () =>
    kind === 'kind' ? stopKindCluster(name) : stopOneNodeCluster(name),
  );
  note(
    kind === 'kind'
      ? 'Its containers and volumes stay; the next start continues with them'
      : `Its data stays in ${clusterLayout(name).root}`,
  );
}

/** Whether a local cluster runs; a one-node cluster counts as running while any of its processes does. */
export async function localClusterStatus({
  kind,
  name,
}: LocalCluster): Promise<'absent' | 'stopped' | 'running'> {
  if (kind === 'kind') return kindStatus(name);
  const { exists, running } = await oneNodeStatus(name);
  if (running.length > 0) return 'running';
  return exists ? 'stopped' : 'absent';
}

async function printStatus(cluster: LocalCluster, json: boolean | undefined): Promise<void> {
  const status = await localClusterStatus(cluster);
  const text = json ? JSON.stringify({ ...cluster, status }) : `${cluster.kind} ${cluster.name}: ${status}`;
  process.stdout.write(`${text}\n`);
}
