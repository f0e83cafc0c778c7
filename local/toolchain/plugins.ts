import * as fs from 'node:fs';
import * as path from 'node:path';
import { cacheRoot, projectRoot } from '../paths';
import { onPath } from '../process';
import { pulumiHome } from '../pulumi/backend';
import { shellQuote } from '../shell';
import { reach } from './download';

/** Provider plugins that the stacks use; each has a stand-in in `local/plugins/<name>`. */
const PROVIDERS = ['kubernetes', 'random', 'docker'] as const;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Which provider plugins Pulumi runs, and the environment that makes it so. */
export interface Plugins {
  readonly origin: 'installed' | 'official download' | 'stand-ins';
  readonly env: NodeJS.ProcessEnv;
}

/** Chooses the plugins: official ones that are installed or that Pulumi can download, else the stand-ins. */
export async function ensurePlugins(env: NodeJS.ProcessEnv = process.env): Promise<Plugins> {
  const inherited = pulumiHome(env) === standInHome();
  if (!inherited && PROVIDERS.every((name) => isInstalled(name, env)))
    return { origin: 'installed', env: {} };
  if (!inherited && (await canDownload())) return { origin: 'official download', env: {} };
  return {
    origin: 'stand-ins',
    env: {
      PULUMI_HOME: writeStandInHome(),
      // A login made in the usual home stays valid.
      PULUMI_CREDENTIALS_PATH: env.PULUMI_CREDENTIALS_PATH ?? pulumiHome(env),
      // Otherwise Pulumi would look on the network for what it cannot get.
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    },
  };
}

function standInHome(): string {
  return path.join(projectRoot(), 'dist', 'pulumi-home');
}

/** Version of a provider plugin, which is that of its npm package. */
export function pluginVersion(name: string): string {
  const manifest = path.join(projectRoot(), 'node_modules', '@pulumi', name, 'package.json');
  const { version, pulumi } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as {
    version: string;
    pulumi?: { version?: string };
  };
  return pulumi?.version ?? version;
}

function isInstalled(name: string, env: NodeJS.ProcessEnv): boolean {
  const folder = path.join(pulumiHome(env), 'plugins', `resource-${name}-v${pluginVersion(name)}`);
  const complete = fs.existsSync(folder) && !fs.existsSync(`${folder}.partial`);
  return complete || onPath(`pulumi-resource-${name}`, env) !== undefined;
}

/** Asks the network at most once a day when the answer was no: an answer that never comes takes seconds. */
async function canDownload(): Promise<boolean> {
  const marker = path.join(cacheRoot(), 'pulumi-downloads-unreachable');
  const refusedAt = fs.statSync(marker, { throwIfNoEntry: false })?.mtimeMs;
  if (refusedAt !== undefined && Date.now() - refusedAt < DAY_MS) return false;
  try {
    await reach('https://get.pulumi.com');
    fs.rmSync(marker, { force: true });
    return true;
  } catch {
    fs.mkdirSync(cacheRoot(), { recursive: true });
    fs.writeFileSync(marker, '');
    return false;
  }
}

/**
 * A Pulumi home whose plugin folder holds the stand-ins, which Pulumi then takes without a warning.
 * It belongs to this checkout, whose compiled code the launchers start.
 */
function writeStandInHome(): string {
  const home = standInHome();
  const dist = path.join(projectRoot(), 'dist');
  for (const name of PROVIDERS) {
    const folder = path.join(home, 'plugins', `resource-${name}-v${pluginVersion(name)}`);
    const main = path.join(dist, 'local', 'plugins', name, 'main.js');
    writeWhole(
      path.join(folder, `pulumi-resource-${name}`),
      `#!/bin/sh\nexec node ${shellQuote(main)} "$@"\n`,
    );
  }
  return home;
}

/** Writes a launcher unless it is there already, never leaving half of it where another run could start it. */
function writeWhole(file: string, text: string): void {
  if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.${process.pid}`, text, { mode: 0o755 });
  fs.renameSync(`${file}.${process.pid}`, file);
}
