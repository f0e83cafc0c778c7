import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { note } from '../progress';
import { run } from '../process';
import { UserError } from '../user-error';
import { PROJECT } from './project';
import { stateFile } from './stack-files';

/** A lock of Pulumi's file backend: who holds a stack. */
export interface StackLock {
  readonly pid: number;
  readonly hostname: string;
  readonly timestamp: string;
}

/** A stack in a file backend, and how to run Pulumi on it. */
export interface FileStack {
  readonly pulumi: string;
  /** Folder of the `file://` backend. */
  readonly folder: string;
  readonly stack: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Deletes what a killed Pulumi left half-written beside its files: without them they are read as they are, and with one of them
 * every command ends with "failed to load checkpoint: EOF".
 * @param folder Folder of the `file://` backend.
 * @see https://gocloud.dev/howto/blob/#local
 */
export function removeTornAttributes(folder: string): void {
  const root = path.join(folder, '.pulumi');
  if (!fs.existsSync(root)) return;
  for (const entry of fs.readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(root, entry);
    if (entry.endsWith('.attrs') && !isJson(fs.readFileSync(file, 'utf8'))) fs.rmSync(file, { force: true });
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Releases a stack whose Pulumi process was killed, so that the next run goes on by itself.
 * @throws UserError when a live process of this machine holds the stack.
 */
export async function releaseStaleLocks(target: FileStack): Promise<void> {
  const locks = readLocks(target);
  if (locks.length === 0) return;
  const holder = locks.find((lock) => lock.hostname !== os.hostname() || isPulumi(lock.pid));
  if (holder) {
    throw new UserError(
      `Process ${holder.pid} on ${holder.hostname} has been working on stack ${target.stack} since ${holder.timestamp}.`,
      `Wait for it to end, or stop it; if that machine is gone for good, run: pulumi cancel ${target.stack}`,
    );
  }
  note(`The last run on stack ${target.stack} (process ${locks[0]?.pid}) was killed: releasing its lock`);
  await run(target.pulumi, ['cancel', target.stack, '--yes', '--non-interactive'], target);
}

/**
 * Forgets operations that a killed run left half-way. Every resource of this project can be created again over what
 * is there (server-side apply, idempotent dynamic providers), so the next update finishes them.
 */
export async function forgetPendingOperations(target: FileStack): Promise<void> {
  const file = stateFile(target.folder, target.stack);
  if (!fs.existsSync(file) || !fs.readFileSync(file, 'utf8').includes('"pending_operations":')) return;
  const exported = await run(target.pulumi, ['stack', 'export', '--stack', target.stack], target);
  const state = JSON.parse(exported.stdout) as { deployment: { pending_operations?: unknown[] } };
  const pending = state.deployment.pending_operations ?? [];
  if (pending.length === 0) return;
  const steps = pending.length === 1 ? 'one operation' : `${pending.length} operations`;
  note(`The last run on stack ${target.stack} left ${steps} half-way: this run completes the work`);
  delete state.deployment.pending_operations;
  await run(target.pulumi, ['stack', 'import', '--stack', target.stack, '--non-interactive'], {
    ...target,
    input: JSON.stringify(state),
  });
}

function readLocks({ folder, stack }: FileStack): StackLock[] {
  const locks = path.join(folder, '.pulumi', 'locks', 'organization', PROJECT, stack);
  if (!fs.existsSync(locks)) return [];
  const files = fs.readdirSync(locks).filter((name) => name.endsWith('.json'));
  return files.map((name) => JSON.parse(fs.readFileSync(path.join(locks, name), 'utf8')) as StackLock);
}

/** Whether a pid is a live Pulumi process, and not another program that got the same number later. */
function isPulumi(pid: number): boolean {
  try {
    const command =
      process.platform === 'linux'
        ? fs.readFileSync(`/proc/${pid}/comm`, 'utf8')
        : execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' });
    return path.basename(command.trim()).startsWith('pulumi');
  } catch {
    return false;
  }
}
