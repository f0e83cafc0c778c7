/**
 * A run as a process of its own, which is killed at a chosen moment:
 * `node dist/ops/testing/set-process.js <backup|prune|restore> <repository> [before|after <rename|rm> <number>]`.
 */
import fsPromises from 'node:fs/promises';
import { restoreSet } from '../command/actions';
import { FolderRepository } from '../repository/folder';
import { BackupSets } from '../sets/backup-sets';
import { type BackupStore, openDriver } from '../stores';
import { driversOf, LATER } from './two-sets';

/** Kills this process the hard way around the nth call that changes the repository. */
function killAround(when: string, call: 'rename' | 'rm', number: number): void {
  const original = fsPromises[call] as (...args: unknown[]) => Promise<void>;
  let calls = 0;
  const counted = async (...args: unknown[]) => {
    calls += 1;
    if (calls !== number) return original(...args);
    if (when === 'after') await original(...args);
    process.kill(process.pid, 'SIGKILL');
  };
  Object.assign(fsPromises, { [call]: counted });
}

/** Environment of a restore: STORE, and its address with a credential for every key as JSON in ADDRESS. */
function openStore() {
  const store = process.env.STORE as BackupStore;
  const { credentials, ...address } = JSON.parse(process.env.ADDRESS!);
  return { [store]: openDriver(store, { ...address, credential: (key: string) => credentials[key] }) };
}

async function main([job, folder, when, call, number]: string[]): Promise<void> {
  if (when) killAround(when, call as 'rename' | 'rm', Number(number));
  const quiet = { progress: () => undefined };
  const sets = new BackupSets(new FolderRepository(folder!), () => LATER);
  if (job === 'backup') await sets.create('data', driversOf('killed'), { ...quiet, recipients: [] });
  if (job === 'prune') await sets.prune({ keepDays: 0, keepLast: 1 }, false);
  if (job !== 'restore') return;
  await restoreSet(sets, await sets.newest(), openStore(), { ...quiet, identities: [], force: true });
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error);
  process.exitCode = 1;
});
