import * as fs from 'node:fs';
import * as path from 'node:path';
import { cached } from '../cache';
import { goBinary, hash } from '../go-build';
import { note } from '../progress';
import { onPath, run } from '../process';
import { UserError } from '../user-error';
import { goBuilds, toolVersions } from '../versions';
import { download, publishedChecksum, Unreachable } from './download';

/** The Pulumi CLI with its language host. */
export interface PulumiCli {
  readonly command: string;
  readonly origin: 'PATH' | 'official download' | 'built from source';
}

/** Oldest CLI on PATH that is used; older ones lack options this project passes. */
const OLDEST: readonly number[] = [3, 200, 0];

/** Platform names of Pulumi's release archives. */
const OS: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin' };
const ARCH: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x64', arm64: 'arm64' };

/** Finds the Pulumi CLI: on PATH, else the official download, else built from source; the last two are kept. */
export async function ensurePulumiCli(env: NodeJS.ProcessEnv = process.env): Promise<PulumiCli> {
  const installed = onPath('pulumi', env);
  if (installed) {
    const reason = await unusable(installed, env);
    if (!reason) return { command: installed, origin: 'PATH' };
    note(`Not using ${installed}: ${reason}`);
  }
  const folder = await cached(
    {
      name: 'pulumi',
      version: `${toolVersions.pulumi}-${hash([JSON.stringify(launchers()), process.arch])}`,
    },
    `Getting Pulumi ${toolVersions.pulumi}`,
    async (dir, report) => {
      const origin = (await official(dir, report)) ? 'official download' : 'built from source';
      if (origin === 'built from source') await fromSource(dir);
      fs.writeFileSync(path.join(dir, 'origin'), origin);
    },
  );
  const origin = fs.readFileSync(path.join(folder, 'origin'), 'utf8') as PulumiCli['origin'];
  return { command: path.join(folder, 'pulumi'), origin };
}

/** Why a CLI cannot be used; undefined when it can. */
async function unusable(command: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { stdout } = await run(command, ['version'], { env: { ...env, PULUMI_SKIP_UPDATE_CHECK: 'true' } });
  const version = stdout.trim();
  if (!isRecentEnough(version))
    return `it is ${version}, and v${OLDEST.join('.')} or newer is needed (pulumi.com/docs/install)`;
  const beside = path.join(path.dirname(fs.realpathSync(command)), 'pulumi-language-nodejs');
  return fs.existsSync(beside) || onPath('pulumi-language-nodejs', env)
    ? undefined
    : 'it has no pulumi-language-nodejs';
}

/** Whether a version such as `v3.255.0` is new enough for this project. */
export function isRecentEnough(version: string): boolean {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  if (!parts) return false;
  const differing = parts.findIndex((part, index) => part !== OLDEST[index]);
  return differing === -1 || parts[differing]! > OLDEST[differing]!;
}

/** Release archive and checksum list of the pinned version; undefined where Pulumi publishes none. */
export function officialRelease(
  platform = process.platform,
  arch = process.arch,
): { archive: string; url: string; checksums: string } | undefined {
  const [os, cpu] = [OS[platform], ARCH[arch]];
  if (!os || !cpu) return undefined;
  const releases = 'https://get.pulumi.com/releases/sdk';
  const archive = `pulumi-${toolVersions.pulumi}-${os}-${cpu}.tar.gz`;
  return {
    archive,
    url: `${releases}/${archive}`,
    checksums: `${releases}/pulumi-${toolVersions.pulumi.slice(1)}-checksums.txt`,
  };
}

async function official(dir: string, report: (line: string) => void): Promise<boolean> {
  const release = officialRelease();
  if (!release) return false;
  try {
    report(`downloading ${release.url}`);
    const archive = path.join(dir, release.archive);
    await download(release.url, await publishedChecksum(release.checksums, release.archive), archive);
    await run('tar', ['-xzf', archive, '-C', dir, '--strip-components=1']);
    fs.rmSync(archive);
    return true;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    note(`${error.message} Building Pulumi from source instead (about 5 minutes, once).`);
    return false;
  }
}

async function fromSource(dir: string): Promise<void> {
  if (process.platform === 'win32')
    throw new UserError(
      'Pulumi is not on PATH, and it is built from source on Linux and macOS only.',
      'Install Pulumi from https://www.pulumi.com/docs/install/ and run the command again.',
    );
  for (const build of [goBuilds.pulumi, goBuilds.pulumiLanguageNodejs]) {
    const from = await goBinary(build);
    // Pulumi treats the language host as its own only where it lies beside it, not where it is a link.
    const name = build === goBuilds.pulumi ? build.name : LANGUAGE_HOST;
    fs.copyFileSync(path.join(from, build.name), path.join(dir, name), fs.constants.COPYFILE_FICLONE);
  }
  for (const [name, text] of Object.entries(launchers()))
    fs.writeFileSync(path.join(dir, name), text, { mode: 0o755 });
}

/** File of the language host that is built from source. */
const LANGUAGE_HOST = 'language-nodejs';

/** Launchers of the language host, and of the plugins whose code is part of the npm package @pulumi/pulumi. */
function launchers(): Record<string, string> {
  return {
    // This version learns `typescript: false` of Pulumi.yaml from a flag, which the newer CLI no longer passes.
    'pulumi-language-nodejs': `#!/bin/sh
exec "$(dirname "$0")/${LANGUAGE_HOST}" -typescript=false "$@"
`,
    'pulumi-resource-pulumi-nodejs': launcher('dynamic-provider'),
    // What the engine starts for the runtime of policies/source-build, which has no language host.
    'pulumi-analyzer-policy-nodejs-process': launcher('run-policy-pack'),
  };
}

function launcher(command: string): string {
  const script = `node_modules/@pulumi/pulumi/cmd/${command}/index.js`;
  return `#!/bin/sh
folder=$PWD
while [ ! -f "$folder/${script}" ] && [ "$folder" != / ]; do folder=$(dirname "$folder"); done
exec node "$folder/${script}" "$@"
`;
}
