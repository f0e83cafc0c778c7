import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root';
import type { StoreName } from '../stores';

/** Starts a runner as a process of its own; it must be compiled (`npm run build`). */
export function startChildRunner(
  store: StoreName,
  folder: string,
  connection: { host: string; port: number; database: string },
  /** As the store's credentials Secret has them. */
  credentials: Record<string, string>,
): ChildProcess {
  const script = join(projectRoot(), 'dist/migrations/testing/runner-process.js');
  if (!existsSync(script)) throw new Error(`${script} does not exist: run "npm run build" first.`);
  const { host, port, database } = connection;
  return spawn(process.execPath, [script, store, folder], {
    stdio: 'inherit',
    env: {
      ...process.env,
      HOST: host,
      PORT: String(port),
      DATABASE: database,
      CREDENTIALS: JSON.stringify(credentials),
    },
  });
}

/** Kills a process the hard way and waits until it is gone. */
export async function killHard(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
