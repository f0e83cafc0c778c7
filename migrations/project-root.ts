import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Folder of the project: the nearest one above this module with a package.json, whether run compiled or from source. */
export function projectRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error(`No package.json is above ${__dirname}: the project is incomplete.`);
    folder = parent;
  }
  return folder;
}
