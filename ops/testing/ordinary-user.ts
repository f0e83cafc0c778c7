import { execFileSync } from 'node:child_process';

const NOBODY = 65534;

/** Runs something as a user whom permissions bind, also where the tests run as root; the folder becomes that user's. */
export async function asOrdinaryUser<T>(folder: string, run: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return run();
  execFileSync('chown', ['--recursive', String(NOBODY), folder]);
  process.seteuid!(NOBODY);
  try {
    return await run();
  } finally {
    process.seteuid!(0);
  }
}
