import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parse } from 'yaml';
import { stateRoot } from '../paths';

/** Where Pulumi keeps the state of stacks. */
export type Backend =
  /** Chosen by the person, with the usual variables, a login or the project file; used exactly as configured. */
  | { readonly kind: 'configured'; readonly url?: string; readonly why: string }
  /** This project's default: files below the state folder, encrypted with a generated passphrase. */
  | { readonly kind: 'default'; readonly url: string; readonly folder: string };

/** Folder of the default backend; tests set AGENT_DATA_PLATFORM_TEST_STATE to keep theirs apart. */
export function pulumiStateFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.AGENT_DATA_PLATFORM_TEST_STATE ?? path.join(stateRoot(env), 'pulumi');
}

/**
 * Chooses the backend: PULUMI_BACKEND_URL, PULUMI_ACCESS_TOKEN, `backend:` of the project, a login, else the default.
 * @see https://www.pulumi.com/docs/iac/concepts/state-and-backends/
 */
export function chooseBackend(env: NodeJS.ProcessEnv, projectFile: string): Backend {
  const folder = pulumiStateFolder(env);
  const url = `file://${folder}`;
  const ours: Backend = { kind: 'default', url, folder };
  if (env.PULUMI_BACKEND_URL === url) return ours;
  if (env.PULUMI_BACKEND_URL)
    return { kind: 'configured', url: env.PULUMI_BACKEND_URL, why: 'PULUMI_BACKEND_URL' };
  const declared = (parse(fs.readFileSync(projectFile, 'utf8')) as { backend?: { url?: string } }).backend
    ?.url;
  if (declared) return { kind: 'configured', url: declared, why: path.basename(projectFile) };
  if (env.PULUMI_ACCESS_TOKEN) return { kind: 'configured', why: 'PULUMI_ACCESS_TOKEN' };
  const login = currentLogin(env);
  return login ? { kind: 'configured', url: login, why: 'pulumi login' } : ours;
}

/** Folder of Pulumi's own settings: PULUMI_HOME, else ~/.pulumi. */
export function pulumiHome(env: NodeJS.ProcessEnv): string {
  return env.PULUMI_HOME ?? path.join(env.HOME ?? os.homedir(), '.pulumi');
}

function currentLogin(env: NodeJS.ProcessEnv): string | undefined {
  try {
    const file = path.join(env.PULUMI_CREDENTIALS_PATH ?? pulumiHome(env), 'credentials.json');
    return (JSON.parse(fs.readFileSync(file, 'utf8')) as { current?: string }).current || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Environment that makes `pulumi` use the backend. The default one gets a passphrase that is generated once
 * (mode 0600, beside the state it protects) unless PULUMI_CONFIG_PASSPHRASE or its _FILE is set.
 */
export function backendEnvironment(backend: Backend, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (backend.kind === 'configured') return backend.url ? { PULUMI_BACKEND_URL: backend.url } : {};
  fs.mkdirSync(backend.folder, { recursive: true, mode: 0o700 });
  const given = env.PULUMI_CONFIG_PASSPHRASE !== undefined || Boolean(env.PULUMI_CONFIG_PASSPHRASE_FILE);
  return {
    PULUMI_BACKEND_URL: backend.url,
    ...(given ? {} : { PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(backend.folder) }),
  };
}

/** File with the passphrase of a default backend, generated on first use. */
export function passphraseFile(folder: string): string {
  const file = path.join(folder, 'passphrase');
  if (fs.existsSync(file)) return file;
  const complete = path.join(folder, `.passphrase.${process.pid}`);
  fs.writeFileSync(complete, randomBytes(24).toString('base64url'), { mode: 0o600 });
  try {
    // A hard link appears whole and never replaces one that another run made in the meantime.
    fs.linkSync(complete, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    fs.rmSync(complete);
  }
  return file;
}
