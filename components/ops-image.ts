/** The image of the platform's CronJobs: the command `platform`, see ops/image. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../migrations/project-root';
import { checksum } from './metadata';
import type { ImageSource } from './source-image';

/** How the image is built. */
export const opsSource: ImageSource = { name: 'backups', context: '.', dockerfile: 'ops/image/Dockerfile' };

/** Files outside of these folders that the command is made of. */
const SINGLE_FILES = ['package-lock.json', 'components/vault-client.ts', 'components/vault-names.ts'];
const FOLDERS = ['ops', 'migrations'];

/** Paths, relative to the project, of every file that the image is made of. */
export function opsSources(): string[] {
  const root = projectRoot();
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1)),
  );
  return [...inFolders.filter(isSource), ...SINGLE_FILES].sort();
}

/** Tests and change files are in no image, invariants are. */
function isSource(file: string): boolean {
  return (
    (/\.ts$/.test(file) && !/\.test\.ts$|\/testing\//.test(file)) ||
    /^(ops\/image\/|migrations\/[^/]+\/[^/]+\/invariants\/)/.test(file)
  );
}

/** Name of the image, whose tag changes with what it is made of. */
export function opsImageName(): string {
  const content = opsSources().map((file) => `${file}\n${readFileSync(join(projectRoot(), file), 'utf8')}`);
  return `agent-data-platform/ops:${checksum(content.join('\n')).slice(0, 12)}`;
}
