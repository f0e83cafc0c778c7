import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { processStartTime } from './process';

const RETRY_MS = 200;

/**
 * Runs while holding a lock that other processes on this machine respect; a lock whose holder died is free.
 * @param folder Folder that stands for the lock; created when missing.
 * @param onWait Called once, with the holder's pid, when the lock is taken.
 */
export async function withLock<T>(
  folder: string,
  run: () => Promise<T>,
  onWait?: (holder: number) => void,
): Promise<T> {
  fs.mkdirSync(folder, { recursive: true });
  const claim = `${process.pid}.${processStartTime(process.pid)}.${randomUUID()}`;
  let told = false;
  for (;;) {
    const holder = tryClaim(folder, claim);
    if (holder === undefined) break;
    if (!told) onWait?.(holder);
    told = true;
    // Two that claimed at the same moment both withdrew; a random pause lets one of them be first.
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS * (0.5 + Math.random())));
  }
  try {
    return await run();
  } finally {
    fs.rmSync(path.join(folder, claim), { force: true });
  }
}

/** Pid of the live process that holds a lock; undefined when it is free. */
export function lockHolder(folder: string): number | undefined {
  if (!fs.existsSync(folder)) return undefined;
  const holders = fs.readdirSync(folder).map((claim) => claim.split('.'));
  const live = holders.find(([pid, startTime]) => processStartTime(Number(pid)) === startTime);
  return live && Number(live[0]);
}

/**
 * Claims first and looks second, so of two contenders at least one sees the other: never two holders.
 * @returns Undefined when the claim stands, else the pid of a live holder (the claim is withdrawn).
 */
function tryClaim(folder: string, claim: string): number | undefined {
  fs.writeFileSync(path.join(folder, claim), '');
  for (const other of fs.readdirSync(folder)) {
    if (other === claim) continue;
    const [pid, startTime] = other.split('.');
    if (processStartTime(Number(pid)) === startTime) {
      fs.rmSync(path.join(folder, claim), { force: true });
      return Number(pid);
    }
    fs.rmSync(path.join(folder, other), { force: true });
  }
  return undefined;
}
