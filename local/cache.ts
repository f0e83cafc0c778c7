import * as fs from 'node:fs';
import * as path from 'node:path';
import { withLock } from './lock';
import { cacheRoot } from './paths';
import { note, step } from './progress';

/** Identity of a cached build: the same name and version always mean the same content. */
export interface CacheKey {
  /** What it is, such as `go/kubernetes`; may contain `/`. */
  readonly name: string;
  /** Version or hash of everything the content depends on. */
  readonly version: string;
}

/**
 * Folder with the finished build, built once: into a temporary sibling that is renamed when complete, under a lock.
 * @param title Shown as a progress step, only when something is built.
 */
export async function cached(
  { name, version }: CacheKey,
  title: string,
  build: (dir: string, report: (line: string) => void) => Promise<void>,
): Promise<string> {
  const target = path.join(cacheRoot(), name, version);
  if (fs.existsSync(target)) return target;
  const locks = path.join(cacheRoot(), '.locks', name.replaceAll('/', '-'), version);
  return withLock(
    locks,
    async () => {
      if (!fs.existsSync(target))
        await step(title, (report) => buildInto(target, (dir) => build(dir, report)));
      return target;
    },
    (holder) => note(`${title}: waiting for process ${holder}, which builds it already`),
  );
}

async function buildInto(target: string, build: (dir: string) => Promise<void>): Promise<void> {
  const unfinished = `${target}.unfinished`;
  // Left over from an interrupted build: under the lock nobody else can be using it.
  fs.rmSync(unfinished, { recursive: true, force: true });
  fs.mkdirSync(unfinished, { recursive: true });
  try {
    await build(unfinished);
    fs.renameSync(unfinished, target);
  } catch (error) {
    fs.rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
}
