import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { cached } from './cache';
import { goCommand } from './go-toolchain';
import { projectRoot } from './paths';
import { run } from './process';

/** What to build from one wrapper module `local/go/<name>`, whose lock files pin every dependency. */
export interface GoBuild {
  /** Folder below `local/go`. */
  name: string;
  /** Import paths of the commands; each becomes a binary named after its last element. */
  packages: readonly string[];
  /** Linker flags; default `-s -w`. */
  ldflags?: string;
  /** Build tags; default none. */
  tags?: readonly string[];
}

const DEFAULT_LDFLAGS = '-s -w';

/** Cache version of a build: changes with its sources, lock files, flags and the machine's architecture. */
export function goBuildVersion({ name, packages, ldflags = DEFAULT_LDFLAGS, tags = [] }: GoBuild): string {
  const module = goModule(name);
  const sources = fs
    .readdirSync(module)
    .sort()
    .map((file) => fs.readFileSync(path.join(module, file), 'utf8'));
  return hash([...sources, ldflags, ...packages, ...tags, process.arch]);
}

/**
 * Folder with the binaries of a wrapper module, compiled statically once per lock file and flags.
 * @throws UserError when there is no Go and none can be installed.
 * @see https://go.dev/ref/mod#go-mod-file-toolchain
 */
export async function goBinary(build: GoBuild): Promise<string> {
  const { name, packages, ldflags = DEFAULT_LDFLAGS, tags = [] } = build;
  const key = { name: `go/${name}`, version: goBuildVersion(build) };
  return cached(key, `Building ${name} from source`, async (dir, report) => {
    let compiled = 0;
    const output = `${dir}${path.sep}`;
    await run(
      await goCommand(),
      [
        ...['build', '-v', '-trimpath', '-o', output],
        ...['-ldflags', ldflags, '-tags', tags.join(',')],
        ...packages,
      ],
      {
        cwd: goModule(name),
        env: goEnvironment(),
        // With -v Go prints each package that it compiles.
        report: (line) => report(/^[\w./-]+$/.test(line) ? `${++compiled} packages compiled, ${line}` : line),
      },
    );
  });
}

/** Folder of a wrapper module's dependency in the Go module cache, downloaded when missing. */
export async function goModuleSource(name: string, dependency: string): Promise<string> {
  const options = { cwd: goModule(name), env: goEnvironment() };
  const go = await goCommand();
  await run(go, ['mod', 'download', dependency], options);
  const { stdout } = await run(go, ['list', '-m', '-f', '{{.Dir}}', dependency], options);
  return stdout.trim();
}

function goModule(name: string): string {
  return path.join(projectRoot(), 'local', 'go', name);
}

function goEnvironment(): NodeJS.ProcessEnv {
  return { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off', GOTOOLCHAIN: 'local' };
}

/** Short content hash for cache versions. */
export function hash(parts: readonly string[]): string {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(`${part.length}:${part}`);
  return digest.digest('hex').slice(0, 20);
}
