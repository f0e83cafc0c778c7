import * as path from 'node:path';
import { cacheRoot, projectRoot } from '../paths';
import { note } from '../progress';
import { ensurePlugins } from './plugins';
import { ensurePulumiCli } from './pulumi-cli';

const DEFERRED_MODULES = path.join(projectRoot(), 'dist', 'local', 'toolchain', 'deferred-modules.js');

/** Pulumi, ready to run: the command and the environment it needs. */
export interface Toolchain {
  readonly pulumi: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Finds, downloads or builds Pulumi with its language host and provider plugins, and says which were chosen. */
export async function ensureToolchain(env: NodeJS.ProcessEnv = process.env): Promise<Toolchain> {
  const cli = await ensurePulumiCli(env);
  const plugins = await ensurePlugins(env);
  note(`Pulumi CLI: ${describe(cli.origin, cli.command)}; provider plugins: ${plugins.origin}`);
  // The Node.js that runs this code runs the program too, whatever `node` is on PATH.
  const folders = [path.dirname(process.execPath), path.dirname(cli.command)];
  const rest = (env.PATH ?? '').split(path.delimiter).filter((folder) => !folders.includes(folder));
  return {
    pulumi: cli.command,
    env: {
      PATH: [...folders, ...rest].join(path.delimiter),
      NODE_OPTIONS: [env.NODE_OPTIONS, `--require ${JSON.stringify(DEFERRED_MODULES)}`]
        .filter(Boolean)
        .join(' '),
      NODE_COMPILE_CACHE: env.NODE_COMPILE_CACHE ?? path.join(projectRoot(), 'dist', '.compile-cache'),
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      // Resources are compared side by side, which takes a second off a preview.
      PULUMI_PARALLEL_DIFF: 'true',
      AGENT_DATA_PLATFORM_CACHE: cacheRoot(env),
      ...plugins.env,
    },
  };
}

function describe(origin: string, command: string): string {
  return origin === 'PATH' ? command : origin;
}
