import { type Command, InvalidArgumentError } from 'commander';
import { forgetCluster, recordCluster } from '../cluster-choice';
import { ensureOperatorManifests } from '../manifests';
import { note } from '../progress';
import { policyArgs } from '../pulumi/policies';
import { loadStackSettings } from '../pulumi/project';
import { openSession, readPulumi, runPulumi, type Session, withOfflineSession } from '../pulumi/session';
import { stopLocalCluster } from './cluster';
import { type CliContext, exitCodes, UsageError } from './cli-context';

/** Options of the commands that change a stack. */
interface ChangeOptions {
  yes?: boolean;
  skipPreview?: boolean;
  policies?: boolean;
  stopCluster?: boolean;
}

/** A stack's name, which becomes part of file names. */
export function stackName(value: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(value)) return value;
  throw new InvalidArgumentError('A stack name has letters, digits, dots, dashes and underscores.');
}

/** Adds `up`, `preview`, `refresh`, `down` and `outputs`. */
export function addStackCommands(program: Command, { extra, finish }: CliContext): void {
  const stackCommand = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .argument('[stack]', 'stack, which has a file Pulumi.<stack>.yaml', stackName, 'dev');
  stackCommand('up', 'create or update the platform')
    .option('-y, --yes', 'do not ask before changing anything (implied without a terminal)')
    .option('--skip-preview', 'do not compute a preview first')
    .option('--policies', 'check the policies')
    .action(async (stack: string, options: ChangeOptions) => finish(await up(stack, extra, options)));
  stackCommand('preview', 'show what `up` would change, statement by statement')
    .option('--diff', 'show each changed property')
    .option('--json', 'print the plan as JSON')
    .option('--policies', 'check the policies (default)', true)
    .option('--no-policies', 'leave out the policies')
    .action(async (stack: string, options: { diff?: boolean; json?: boolean; policies: boolean }) =>
      finish(await preview(stack, [...flags(options, ['diff', 'json']), ...extra], options.policies)),
    );
  stackCommand('refresh', 'compare the recorded state with the cluster')
    .option('-y, --yes', 'do not ask before writing the state (implied without a terminal)')
    .action(async (stack: string, options: ChangeOptions) => finish(await refresh(stack, extra, options)));
  stackCommand('down', 'delete the platform; volumes are retained')
    .option('-y, --yes', 'do not ask before deleting')
    .option('--stop-cluster', 'stop the local cluster afterwards (default for the one-node cluster)')
    .option('--no-stop-cluster', 'leave the local cluster running')
    .action(async (stack: string, options: ChangeOptions) => finish(await down(stack, extra, options)));
  stackCommand('outputs', 'print what applications need to connect')
    .option('--json', 'print JSON')
    .option('--show-secrets', 'print secret values in clear')
    .action(async (stack: string, options: { json?: boolean; showSecrets?: boolean }) => {
      const session = await openSession(loadStackSettings(stack), {
        cluster: false,
        create: false,
        repair: false,
      });
      const args = [
        ...flags(options, ['json']),
        ...(options.showSecrets ? ['--show-secrets'] : []),
        ...extra,
      ];
      finish(await runPulumi(session, ['stack', 'output', '--stack', stack, ...args]));
    });
}

async function up(stack: string, extra: readonly string[], options: ChangeOptions): Promise<number> {
  const settings = loadStackSettings(stack);
  const session = await openSession(settings);
  if (settings.managedOperators) await ensureOperatorManifests();
  if (session.cluster) recordCluster(stack, session.cluster);
  const skip = options.skipPreview ? ['--skip-preview'] : [];
  const policies = options.policies ? policyArgs({ stack, pulumi: session.pulumi, extra }) : [];
  return runPulumi(session, [
    'up',
    ...common(session),
    ...confirmation(options),
    ...skip,
    ...policies,
    ...extra,
  ]);
}

async function preview(stack: string, extra: readonly string[], policies: boolean): Promise<number> {
  const settings = loadStackSettings(stack);
  const run = (session: Session) => {
    const pack = policies ? policyArgs({ stack, pulumi: session.pulumi, extra }) : [];
    return runPulumi(session, ['preview', ...common(session), ...pack, ...extra]);
  };
  if (settings.managedOperators) await ensureOperatorManifests();
  if (settings.preview === 'offline') {
    note(
      `OFFLINE PREVIEW of stack ${stack} (agent-data-platform:preview is offline): no cluster and no state are used. ` +
        'Everything shows as create; statements and manifests are rendered; admission is not checked.',
    );
    return withOfflineSession(settings, run);
  }
  return run(await openSession(settings, { repair: false }));
}

async function refresh(stack: string, extra: readonly string[], options: ChangeOptions): Promise<number> {
  const session = await openSession(loadStackSettings(stack), { create: false });
  return runPulumi(session, ['refresh', ...common(session), ...confirmation(options), ...extra]);
}

async function down(stack: string, extra: readonly string[], options: ChangeOptions): Promise<number> {
  const settings = loadStackSettings(stack);
  if (!options.yes && !process.stdin.isTTY) {
    throw new UsageError(
      `Stack ${stack} is not deleted: its data services would go away, and there is no terminal to ask on.`,
      `Run \`npm run down -- ${stack} --yes\`.`,
    );
  }
  const session = await openSession(settings, { create: false });
  note('Volumes are retained: deleting the stack deletes no data folder');
  const exitCode = await runPulumi(session, [
    'destroy',
    ...common(session),
    ...confirmation(options),
    ...extra,
  ]);
  if (exitCode !== exitCodes.ok || (await resourceCount(session)) > 0) return exitCode;
  forgetCluster(stack);
  const { cluster } = session;
  if (cluster && cluster.kind !== 'context' && (options.stopCluster ?? cluster.kind === 'one-node'))
    await stopLocalCluster(cluster);
  return exitCode;
}

/** Resources left in the state: more than none when the person answered no, or destroyed only some targets. */
async function resourceCount(session: Session): Promise<number> {
  const text = await readPulumi(session, ['stack', 'export', '--stack', session.settings.stack]);
  return (JSON.parse(text) as { deployment: { resources?: unknown[] } }).deployment.resources?.length ?? 0;
}

function common(session: Session): string[] {
  const interactive = process.stdin.isTTY && process.stdout.isTTY;
  return [
    '--stack',
    session.settings.stack,
    ...session.configArgs,
    ...(interactive ? [] : ['--non-interactive']),
  ];
}

function confirmation(options: ChangeOptions): string[] {
  if (options.yes) return ['--yes'];
  if (process.stdin.isTTY && process.stdout.isTTY) return [];
  note('There is no terminal to ask on: going on as with --yes');
  return ['--yes'];
}

function flags<T extends object>(options: T, names: readonly (keyof T & string)[]): string[] {
  return names.filter((name) => options[name]).map((name) => `--${name}`);
}
