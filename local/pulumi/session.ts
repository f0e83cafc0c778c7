import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ClusterChoice, chooseClusterOf, openCluster } from '../cluster-choice';
import { foreground } from '../foreground';
import { projectRoot } from '../paths';
import { note } from '../progress';
import { run } from '../process';
import { ensureToolchain } from '../toolchain/toolchain';
import { UserError } from '../user-error';
import { type Backend, backendEnvironment, chooseBackend } from './backend';
import { PROJECT, type StackSettings } from './project';
import { forgetPendingOperations, releaseStaleLocks, removeTornAttributes } from './recovery';
import { prepareDefaultStack, stackExists, stateFile } from './stack-files';

/** A stack with everything that a `pulumi` command on it needs. */
export interface Session {
  readonly settings: StackSettings;
  readonly pulumi: string;
  /** Full environment of the command. */
  readonly env: NodeJS.ProcessEnv;
  /** Options that select the stack's configuration file; empty where Pulumi finds it by itself. */
  readonly configArgs: readonly string[];
  readonly backend: Backend;
  /** Undefined when no cluster is needed. */
  readonly cluster?: ClusterChoice;
}

/** What a command needs besides the stack itself. */
export interface SessionOptions {
  /** Whether the cluster must answer; default true. */
  cluster?: boolean;
  /** Whether a stack that does not exist is created; default true. */
  create?: boolean;
  /** Whether half-way operations of a killed run are forgotten, which writes state; default true. */
  repair?: boolean;
}

/**
 * Prepares Pulumi, the cluster, the backend and the stack.
 * @throws UserError when the stack does not exist and is not to be created.
 */
export async function openSession(
  settings: StackSettings,
  { cluster = true, create = true, repair = true }: SessionOptions = {},
): Promise<Session> {
  const cwd = projectRoot();
  const backend = chooseBackend(process.env, path.join(cwd, 'Pulumi.yaml'));
  if (!create && backend.kind === 'default' && !fs.existsSync(stateFile(backend.folder, settings.stack)))
    throw unknownStack(settings.stack);
  const choice = cluster ? await chooseClusterOf(settings) : undefined;
  // A configured context is checked first: it is quick, and building tools for an unreachable cluster is not.
  const early = choice?.kind === 'context' ? await openCluster(choice, settings) : undefined;
  const toolchain = await ensureToolchain();
  const clusterEnv = early ?? (choice ? await openCluster(choice, settings) : {});
  const env = {
    ...process.env,
    ...toolchain.env,
    ...clusterEnv,
    ...backendEnvironment(backend, process.env),
  };
  note(
    backend.kind === 'default'
      ? `State: ${backend.folder}`
      : `State: the backend set by ${backend.why}${backend.url ? ` (${withoutCredentials(backend.url)})` : ''}`,
  );
  const base = { settings, pulumi: toolchain.pulumi, env, backend, ...(choice ? { cluster: choice } : {}) };
  const folder = backendFolder(backend);
  if (folder) removeTornAttributes(folder);
  const configArgs = await prepareStack(base, create);
  const session = { ...base, configArgs };
  await recover(session, repair);
  return session;
}

async function prepareStack(session: Omit<Session, 'configArgs'>, create: boolean): Promise<string[]> {
  const { backend, env, pulumi, settings } = session;
  if (backend.kind === 'default')
    return ['--config-file', await prepareDefaultStack(pulumi, backend.folder, settings, env)];
  const options = { cwd: projectRoot(), env };
  if (!(await stackExists(pulumi, settings.stack, options))) {
    if (!create) throw unknownStack(settings.stack);
    await run(pulumi, ['stack', 'init', settings.stack, '--non-interactive', '--no-select'], options);
  }
  return [];
}

function unknownStack(stack: string): UserError {
  return new UserError(
    `Stack ${stack} does not exist in this backend.`,
    `Bring it up first: npm run up -- ${stack}`,
  );
}

async function recover(session: Session, repair: boolean): Promise<void> {
  const folder = backendFolder(session.backend);
  if (!folder) return;
  const target = {
    pulumi: session.pulumi,
    folder,
    stack: session.settings.stack,
    cwd: projectRoot(),
    env: session.env,
  };
  await releaseStaleLocks(target);
  if (repair) await forgetPendingOperations(target);
}

/** Folder of a file backend on this machine; undefined for every other backend. */
function backendFolder(backend: Backend): string | undefined {
  if (backend.kind === 'default') return backend.folder;
  return backend.url?.startsWith('file:///') ? fileURLToPath(backend.url) : undefined;
}

/** Runs a `pulumi` command of the session on the terminal; returns its exit code. */
export async function runPulumi(session: Session, args: readonly string[]): Promise<number> {
  const { exitCode } = await foreground(session.pulumi, args, { cwd: projectRoot(), env: session.env });
  return exitCode;
}

/** Runs a quick `pulumi` command of the session and returns its standard output. */
export async function readPulumi(session: Session, args: readonly string[]): Promise<string> {
  return (await run(session.pulumi, args, { cwd: projectRoot(), env: session.env })).stdout;
}

/**
 * Runs with a session that has no cluster and no state: a throw-away backend, and AGENT_DATA_PLATFORM_OFFLINE=1 so
 * that the program renders what it can.
 */
export async function withOfflineSession<T>(
  settings: StackSettings,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const toolchain = await ensureToolchain();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${PROJECT}-offline-`));
  try {
    const url = `file://${folder}`;
    const env = {
      ...process.env,
      ...toolchain.env,
      PULUMI_BACKEND_URL: url,
      PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString('base64url'),
      PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
      AGENT_DATA_PLATFORM_OFFLINE: '1',
    };
    const configFile = await prepareDefaultStack(toolchain.pulumi, folder, settings, env);
    const backend: Backend = { kind: 'default', url, folder };
    return await use({
      settings,
      pulumi: toolchain.pulumi,
      env,
      backend,
      configArgs: ['--config-file', configFile],
    });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]+@/, '//');
}
