/** The Chroma server from its Python package: the same Rust program that the official image has as one binary. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { versions } from '../../components/versions';
import { hash } from '../go-build';
import { type Wheel, wheelFiles, wheelVersion } from '../pypi';
import type { ImageFiles } from './recipes';

/** @see https://pypi.org/project/chromadb/ */
const wheel: Wheel = {
  project: 'chromadb',
  version: versions.chroma,
  sha256: {
    x64: 'cc09b3df76e5a5cb386aed2715a2eea152e3949f9e1ba93c7119505377749929',
    arm64: '9192d111bd662241625867962333d99369a00769a50f8b2f58cb388731274d7e',
  },
};
const LIBRARY = 'chromadb_rust_bindings';

/** The wheel's own command would load the whole Python client first. */
const COMMAND = `#!/usr/bin/python3
import signal, sys
sys.path.insert(0, '/usr/local/lib/chroma')
import ${LIBRARY}
signal.signal(signal.SIGINT, signal.SIG_DFL)
${LIBRARY}.cli(sys.argv)
`;

/** Adds `/usr/local/bin/chroma`. */
export const chromaFiles: ImageFiles = {
  version: hash([wheelVersion(wheel), COMMAND]),
  async add(root) {
    const library = path.join(root, 'usr/local/lib/chroma');
    const commands = path.join(root, 'usr/local/bin');
    for (const folder of [library, commands]) fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
    fs.cpSync(path.join(await wheelFiles(wheel), LIBRARY), path.join(library, LIBRARY), { recursive: true });
    fs.writeFileSync(path.join(commands, 'chroma'), COMMAND, { mode: 0o755 });
  },
};
