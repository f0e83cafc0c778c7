/** The Qdrant stand-in's image: Qdrant's engine from PyPI, and the HTTP layer in qdrant-stand-in/. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { hash } from '../go-build';
import { runHost } from '../one-node/host';
import { projectRoot } from '../paths';
import { requirePip } from '../pypi';
import type { ImageFiles } from './recipes';

/** Release of PyPI's `qdrant-edge-py`, Qdrant's storage and search engine as a library. */
const ENGINE = '0.9.0';
/** Python of the image's Debian. */
const PYTHON = '3.13';
const wheelPlatforms: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'manylinux_2_28_x86_64',
  arm64: 'manylinux_2_28_aarch64',
};

const source = path.join(projectRoot(), 'local/images/qdrant-stand-in');
/** Where each file goes below the image's `/qdrant`, the working directory of the official image. */
const layout: Readonly<Record<string, string>> = {
  'entrypoint.sh': 'entrypoint.sh',
  qdrant: 'qdrant',
  'access.py': 'engine/access.py',
  'http_api.py': 'engine/http_api.py',
  'storage.py': 'engine/storage.py',
  'convert.py': 'engine/convert.py',
};

/** Adds the stand-in and its engine below `/qdrant`. */
export const qdrantFiles: ImageFiles = {
  version: hash([
    ENGINE,
    ...Object.keys(layout).map((name) => fs.readFileSync(path.join(source, name), 'utf8')),
  ]),
  async add(root, report) {
    const home = path.join(root, 'qdrant');
    // The folders that Kubernetes mounts volumes on.
    for (const folder of ['engine', 'storage', 'snapshots', 'init', 'config'])
      fs.mkdirSync(path.join(home, folder), { recursive: true, mode: 0o755 });
    for (const [name, target] of Object.entries(layout)) {
      fs.copyFileSync(path.join(source, name), path.join(home, target));
      fs.chmodSync(path.join(home, target), target.includes('/') ? 0o644 : 0o755);
    }
    await addEngine(path.join(home, 'engine'), report);
    for (const folder of ['storage', 'snapshots']) fs.chownSync(path.join(home, folder), 1000, 1000);
  },
};

async function addEngine(folder: string, report: (line: string) => void): Promise<void> {
  await requirePip();
  await runHost(
    'python3',
    [
      ...['-m', 'pip', 'install', '--no-deps', '--no-compile', '--only-binary=:all:', '--target', folder],
      ...['--python-version', PYTHON, '--implementation', 'cp', '--abi', 'abi3'],
      ...['--platform', wheelPlatforms[process.arch] ?? 'any', '--root-user-action', 'ignore'],
      `qdrant-edge-py==${ENGINE}`,
    ],
    { report },
  );
}
