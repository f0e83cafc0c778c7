import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { run } from '../process';
import { PROJECT, type StackSettings } from './project';

/** State file of a stack in a file backend. */
export function stateFile(folder: string, stack: string): string {
  return path.join(folder, '.pulumi', 'stacks', PROJECT, `${stack}.json`);
}

/**
 * Creates the stack in a default backend when it is new, and returns a copy of its committed configuration that
 * carries the stack's encryption salt: Pulumi would otherwise write the salt into the committed file.
 * @returns Path for `--config-file`, rewritten from the committed file on every call.
 */
export async function prepareDefaultStack(
  pulumi: string,
  folder: string,
  settings: StackSettings,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const state = stateFile(folder, settings.stack);
  if (!fs.existsSync(state)) await initStack(pulumi, settings.stack, env);
  const salt = encryptionSalt(fs.readFileSync(state, 'utf8'));
  const copy = path.join(folder, 'config', path.basename(settings.file));
  fs.mkdirSync(path.dirname(copy), { recursive: true });
  const complete = `${copy}.${process.pid}`;
  fs.writeFileSync(complete, withEncryptionSalt(fs.readFileSync(settings.file, 'utf8'), salt), {
    mode: 0o600,
  });
  fs.renameSync(complete, copy);
  return copy;
}

/** Salt that the state was encrypted with; undefined when another secrets provider is in use. */
export function encryptionSalt(state: string): string | undefined {
  const { checkpoint } = JSON.parse(state) as {
    checkpoint?: { latest?: { secrets_providers?: { type?: string; state?: { salt?: string } } } };
  };
  const provider = checkpoint?.latest?.secrets_providers;
  return provider?.type === 'passphrase' ? provider.state?.salt : undefined;
}

/** Committed configuration plus the salt, unless the file settles its encryption by itself. */
export function withEncryptionSalt(committed: string, salt: string | undefined): string {
  if (!salt || /^(encryptionsalt|secretsprovider|encryptedkey):/m.test(committed)) return committed;
  return `${committed.replace(/\n*$/, '\n')}encryptionsalt: ${salt}\n`;
}

/** Runs `pulumi stack init` in a folder of its own, because it writes `Pulumi.<stack>.yaml` where it runs. */
async function initStack(pulumi: string, stack: string, env: NodeJS.ProcessEnv): Promise<void> {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), `${PROJECT}-init-`));
  try {
    fs.writeFileSync(path.join(scratch, 'Pulumi.yaml'), `name: ${PROJECT}\nruntime: nodejs\n`);
    await run(pulumi, ['stack', 'init', stack, '--non-interactive', '--no-select'], { cwd: scratch, env });
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/** Whether a backend has a stack of this project. */
export async function stackExists(
  pulumi: string,
  stack: string,
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<boolean> {
  const { stdout } = await run(pulumi, ['stack', 'ls', '--json', '--non-interactive'], options);
  const names = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name.split('/').at(-1));
  return names.includes(stack);
}
