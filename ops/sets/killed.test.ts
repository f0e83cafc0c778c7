import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { projectRoot } from '../../migrations/project-root';
import { textsOf, TwoSets } from '../testing/two-sets';

let two: TwoSets;

beforeEach(async () => (two = await TwoSets.create('plain')));
afterEach(() => two.remove());

/** Runs a job until it is killed around its nth call; it must be compiled (`npm run build`). */
async function killed(job: string, when: string, call: string, number: number): Promise<void> {
  const script = path.join(projectRoot(), 'dist/ops/testing/set-process.js');
  const child = spawn(process.execPath, [script, job, two.folder, when, call, String(number)], {
    stdio: 'inherit',
  });
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
}

const states = async () => (await two.sets.list()).map(({ state }) => state);
const filesOf = (id: string) => {
  const entries = fs.readdirSync(path.join(two.folder, 'sets', id), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
};

/** The three files and the manifest get their names, one after the other. */
const moments = [1, 2, 3, 4].flatMap((number): [string, number][] => [
  ['before', number],
  ['after', number],
]);

describe.each(moments)('a backup that is killed %s the name of file %d', (when, number) => {
  const isComplete = when === 'after' && number === 4;

  test('leaves the sets before it whole, and can be repeated', async () => {
    await killed('backup', when, 'rename', number);
    expect(await states()).toEqual(['complete', 'complete', isComplete ? 'complete' : 'incomplete']);
    await two.expectOlderUnharmed();
    expect(await two.restore(two.newer)).toEqual({ error: undefined, ...textsOf('newer') });
    const newest = await two.sets.newest();
    if (!isComplete) expect(newest).toEqual(two.newer);
    else expect(await two.restore(newest)).toEqual({ error: undefined, ...textsOf('killed') });
    const next = await two.backUp('next');
    expect(await two.restore(next)).toEqual({ error: undefined, ...textsOf('next') });
  });

  test('leaves nothing after prune, which takes no good set', async () => {
    await killed('backup', when, 'rename', number);
    const { id } = (await two.sets.list())[2]!;
    const good = [two.older.id, two.newer.id, ...(isComplete ? [id] : [])];
    // Longer than a run may write nothing.
    two.clock = new Date('2030-01-05T00:00:00Z');
    expect(await two.sets.prune({ keepDays: 30, keepLast: 1 }, false)).toEqual(isComplete ? [] : [id]);
    expect((await two.sets.list()).map((set) => set.id)).toEqual(good);
    if (!isComplete) expect(filesOf(id)).toEqual([]);
  });
});

/** The proof, the manifest and three files. */
test.each([1, 2, 3, 4, 5])('a prune that is killed before it deletes file %d is repeated', async (number) => {
  await two.sets.markVerified(two.older.id, {});
  await two.sets.markVerified(two.newer.id, {});
  await killed('prune', 'before', 'rm', number);
  expect(await states()).toEqual([number > 2 ? 'incomplete' : 'complete', 'complete']);
  expect(await two.sets.newest()).toEqual(two.newer);
  two.clock = new Date('2030-01-05T00:00:00Z');
  expect(await two.sets.prune({ keepDays: 0, keepLast: 1 }, false)).toEqual([two.older.id]);
  expect(filesOf(two.older.id)).toEqual([]);
  expect(await two.restore(two.newer)).toEqual({ error: undefined, ...textsOf('newer') });
});
