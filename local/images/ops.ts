/** The command `platform`, in one file, with the Node.js that this project is tested with. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { opsImageName } from '../../components/ops-image';
import { projectRoot } from '../paths';
import { run } from '../process';
import type { ImageFiles } from './recipes';

/** The image's reference, which changes with the sources. */
export const opsReference = opsImageName();

/** Adds `/usr/local/bin/platform`. */
export const opsFiles: ImageFiles = {
  version: opsReference,
  async add(root) {
    const library = path.join(root, 'usr/local/lib/platform');
    const commands = path.join(root, 'usr/local/bin');
    for (const folder of [library, commands]) fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
    const inProject = (file: string) => path.join(projectRoot(), file);
    await run(process.execPath, [inProject('ops/image/bundle.mjs'), path.join(library, 'platform.js')]);
    fs.copyFileSync(inProject('ops/image/platform'), path.join(commands, 'platform'));
    fs.copyFileSync(inProject('node_modules/node/bin/node'), path.join(commands, 'node'));
    for (const command of ['platform', 'node']) fs.chmodSync(path.join(commands, command), 0o755);
  },
};
