import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Command } from 'commander';
import { chooseClusterOf, clusterEnvironment } from '../cluster-choice';
import { goBuildVersion } from '../go-build';
import { cacheRoot } from '../paths';
import { loadStackSettings } from '../pulumi/project';
import { openSession } from '../pulumi/session';
import { shellQuote } from '../shell';
import { goBuilds } from '../versions';
import { type CliContext, exitCodes } from './cli-context';
import { stackName } from './stack';

/** Adds `env`. */
export function addEnvCommand(program: Command, { finish }: CliContext): void {
  program
    .command('env')
    .description('print the variables to use pulumi and kubectl directly; no secrets')
    .argument('[stack]', 'stack, which has a file Pulumi.<stack>.yaml', stackName, 'dev')
    .option('--json', 'print JSON instead of shell lines')
    .action(async (stack: string, options: { json?: boolean }) => {
      const settings = loadStackSettings(stack);
      const cluster = await chooseClusterOf(settings);
      const session = await openSession(settings, { cluster: false, repair: false });
      const env = { ...session.env, ...clusterEnvironment(cluster) };
      if (cluster.kind === 'one-node') env.PATH = withKubectl(env.PATH ?? '');
      const changed = changes(process.env, env);
      const lines = Object.entries(changed).map(([name, value]) => `export ${name}=${shellQuote(value)}`);
      if (session.configArgs.length > 0)
        lines.push(`# pulumi <command> --stack ${stack} ${session.configArgs.map(shellQuote).join(' ')}`);
      process.stdout.write(options.json ? `${JSON.stringify(changed, null, 2)}\n` : `${lines.join('\n')}\n`);
      finish(exitCodes.ok);
    });
}

/** Variables that differ from the present environment; what the person set is not printed again. */
export function changes(before: NodeJS.ProcessEnv, after: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(after).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== before[entry[0]],
    ),
  );
}

/** Adds the kubectl that was built together with the one-node cluster. */
function withKubectl(searchPath: string): string {
  const folder = path.join(cacheRoot(), 'go', goBuilds.kubernetes.name, goBuildVersion(goBuilds.kubernetes));
  return fs.existsSync(folder) ? `${searchPath}${path.delimiter}${folder}` : searchPath;
}
