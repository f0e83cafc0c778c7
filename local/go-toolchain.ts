import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { cached } from './cache';
import { installDebianPackages } from './one-node/host';
import { onPath, run } from './process';
import { UserError } from './user-error';

/** The oldest Go that compiles every wrapper module, and the one that is fetched where there is none. */
export const GO_VERSION = '1.26.4';

/**
 * Path of a Go command of at least {@link GO_VERSION}: the one on PATH, else one fetched as a Go module.
 * @throws UserError when there is no Go at all and none can be installed.
 * @see https://go.dev/doc/toolchain
 */
export async function goCommand(): Promise<string> {
  const found = onPath('go') ?? onPath('/usr/local/go/bin/go');
  if (found && isRecent(await versionOf(found))) return found;
  return fetchedGo(found);
}

/** Whether `go1.26.8` or `1.26.8` is at least {@link GO_VERSION}. */
export function isRecent(version: string): boolean {
  const numbers = (text: string) => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number);
  const [got, needed] = [numbers(version), numbers(GO_VERSION)];
  const different = needed.findIndex((number, index) => (got[index] ?? 0) !== number);
  return different === -1 || (got[different] ?? 0) > (needed[different] ?? 0);
}

async function versionOf(go: string): Promise<string> {
  // Outside of any module, so that Go answers for itself and does not switch to what a go.mod asks for.
  const { stdout } = await run(go, ['env', 'GOVERSION'], { cwd: os.tmpdir(), env: { GOTOOLCHAIN: 'local' } });
  return stdout.trim();
}

/** Any Go, however old, can fetch the real one: toolchains are published as versions of a module. */
async function fetchedGo(anyGo: string | undefined): Promise<string> {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const platform = `${process.platform}-${architecture}`;
  const version = `${GO_VERSION}.${platform}`;
  const folder = await cached(
    { name: 'go-toolchain', version },
    `Fetching Go ${GO_VERSION}`,
    async (dir, report) => {
      const go = anyGo ?? (await debianGo());
      const module = `golang.org/toolchain@v0.0.1-go${version}`;
      const env = { GOMODCACHE: path.join(dir, 'modules'), GOFLAGS: '-modcacherw', GOTOOLCHAIN: 'local' };
      const { stdout } = await run(go, ['mod', 'download', '-json', module], { cwd: dir, env, report });
      const root = path.join(dir, 'go');
      fs.renameSync(JSON.parse(stdout).Dir, root);
      fs.rmSync(env.GOMODCACHE, { recursive: true });
      // Module archives do not carry the executable bit.
      for (const tools of ['bin', `pkg/tool/${platform.replace('-', '_')}`]) {
        for (const tool of fs.readdirSync(path.join(root, tools)))
          fs.chmodSync(path.join(root, tools, tool), 0o755);
      }
    },
  );
  return path.join(folder, 'go', 'bin', 'go');
}

async function debianGo(): Promise<string> {
  if (process.getuid?.() === 0 && onPath('apt-get')) await installDebianPackages(['golang-go']);
  const installed = onPath('/usr/bin/go');
  if (installed) return installed;
  throw new UserError(
    'Go is needed to build the platform’s tools from source, and this machine has none.',
    `Install Go ${GO_VERSION} or newer and put it on PATH, then run the command again.`,
  );
}
