import * as fs from 'node:fs';
import * as path from 'node:path';
import { cached } from './cache';
import { hash } from './go-build';
import { installDebianPackages, runHost } from './one-node/host';
import { CommandError } from './process';

/** A published wheel, pinned by content. */
export interface Wheel {
  readonly project: string;
  readonly version: string;
  /** SHA-256 (hex) of the wheel for each architecture, as Node.js names them. */
  readonly sha256: Partial<Record<NodeJS.Architecture, string>>;
}

/** Changes with what {@link wheelFiles} gives. */
export function wheelVersion(wheel: Wheel): string {
  return hash([wheel.project, wheel.version, wheel.sha256[process.arch] ?? 'none']);
}

/**
 * Folder with the unpacked files of a wheel, without its dependencies; fetched once, from where pip's own settings say.
 * @throws CommandError when there is no such wheel for this architecture or its content is another one.
 * @see https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
 */
export async function wheelFiles(wheel: Wheel): Promise<string> {
  const { project, version, sha256 } = wheel;
  const key = { name: `pypi/${project}`, version: wheelVersion(wheel) };
  return cached(key, `Fetching ${project} ${version} from the Python package index`, async (dir, report) => {
    await requirePip();
    const requirements = path.join(dir, 'requirements.txt');
    fs.writeFileSync(requirements, `${project}==${version} --hash=sha256:${sha256[process.arch] ?? ''}\n`);
    const flags = ['--no-deps', '--require-hashes', '--only-binary=:all:', '--dest', dir];
    await runHost('python3', ['-m', 'pip', 'download', ...flags, '--requirement', requirements], { report });
    const file = fs.readdirSync(dir).find((name) => name.endsWith('.whl'))!;
    await runHost('python3', ['-m', 'zipfile', '--extract', path.join(dir, file), dir]);
    fs.rmSync(path.join(dir, file));
    fs.rmSync(requirements);
  });
}

/** Makes sure that `python3 -m pip` works. */
export async function requirePip(): Promise<void> {
  try {
    await runHost('python3', ['-m', 'pip', '--version']);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    await installDebianPackages(['python3-pip']);
  }
}

/**
 * Python of a virtual environment with the packages of a lock file, whose hashes pip checks; made once per lock file.
 * @returns Path of its `python`.
 * @see https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
 */
export async function pythonEnvironment(name: string, lockFile: string): Promise<string> {
  const key = { name: `python/${name}`, version: hash([fs.readFileSync(lockFile, 'utf8'), process.arch]) };
  const folder = await cached(
    key,
    `Installing ${name} from the Python package index`,
    async (dir, report) => {
      await requirePip();
      await runHost('python3', ['-m', 'venv', '--without-pip', dir]);
      // The folder is renamed when it is complete, so nothing in it may name its path.
      const packages = path.join(dir, 'packages');
      const flags = ['--require-hashes', '--only-binary=:all:', '--no-compile', '--target', packages];
      await runHost('python3', ['-m', 'pip', 'install', ...flags, '--requirement', lockFile], { report });
      const [library] = fs.readdirSync(path.join(dir, 'lib'));
      fs.writeFileSync(
        path.join(dir, 'lib', library!, 'site-packages', 'packages.pth'),
        '../../../packages\n',
      );
    },
  );
  return path.join(folder, 'bin', 'python');
}
