import * as os from 'node:os';
import * as path from 'node:path';

export { projectRoot } from '../migrations/project-root';

const NAME = 'agent-data-platform';

/**
 * Folder of everything that can be built again: AGENT_DATA_PLATFORM_CACHE, else XDG_CACHE_HOME, else ~/.cache.
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  return root(env.AGENT_DATA_PLATFORM_CACHE, env.XDG_CACHE_HOME, '.cache', env);
}

/**
 * Folder of what cannot be built again (cluster data, Pulumi state, passphrase): AGENT_DATA_PLATFORM_STATE,
 * else XDG_STATE_HOME, else ~/.local/state.
 */
export function stateRoot(env: NodeJS.ProcessEnv = process.env): string {
  return root(env.AGENT_DATA_PLATFORM_STATE, env.XDG_STATE_HOME, path.join('.local', 'state'), env);
}

function root(
  own: string | undefined,
  xdg: string | undefined,
  fallback: string,
  env: NodeJS.ProcessEnv,
): string {
  if (own) return path.resolve(own);
  // The XDG specification says that relative values are invalid and must be ignored.
  const base = xdg && path.isAbsolute(xdg) ? xdg : path.join(env.HOME ?? os.homedir(), fallback);
  return path.join(base, NAME);
}
