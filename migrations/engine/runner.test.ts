import { TemporaryFolder, sqlChange } from '../testing/change-folder';
import { readChangeFiles } from './change-files';
import { ChangeFilesError, LockTimeoutError } from './errors';
import { MemoryStore, MemoryTarget } from './memory-target';
import { acceptSchema, migrateDown, migrateUp } from './runner';
import { sqlFormat } from '../targets/postgres/format';

let folder: TemporaryFolder;
let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
  folder = new TemporaryFolder({
    '000001-a.sql': sqlChange('one; two;', 'minus one;'),
    '000002-b.sql': sqlChange('three;', 'minus three;'),
  });
});
afterEach(() => folder.remove());

const options = () => ({
  target: new MemoryTarget(store),
  folder: readChangeFiles(folder.path, sqlFormat),
  folderName: 'folder',
  appliedBy: 'tester',
});
const versions = (entries: readonly { version: string }[]) => entries.map((entry) => entry.version);

describe('migrateUp', () => {
  test('applies everything in order and reports each change', async () => {
    const reported: string[] = [];
    const result = await migrateUp({ ...options(), onApplied: (entry) => reported.push(entry.version) });
    expect(store.executed).toEqual(['one', 'two', 'three']);
    expect(versions(result.applied)).toEqual(['000001', '000002']);
    expect(reported).toEqual(['000001', '000002']);
    expect(result.failed).toBeUndefined();
    expect(await options().target.applied()).toEqual(result.history);
  });

  test('has nothing to do the second time and asks for no lock', async () => {
    await migrateUp(options());
    store.holder = 'somebody';
    const again = await migrateUp({ ...options(), lockWaitMs: 0 });
    expect(again.applied).toEqual([]);
    expect(versions(again.history)).toEqual(['000001', '000002']);
    expect(store.executed).toHaveLength(3);
  });

  test('stops at the first failure and keeps what was applied', async () => {
    folder.write({ '000003-c.sql': sqlChange('fine;\nfail here;'), '000004-d.sql': sqlChange('never;') });
    const result = await migrateUp(options());
    expect(versions(result.history)).toEqual(['000001', '000002']);
    expect(result.failed!.change.file).toBe('000003-c.sql');
    expect(result.failed!.error.message).toBe(
      '000003-c.sql: statement 2 failed at line 3: refused "fail here"',
    );
    expect(store.holder).toBeUndefined();
  });

  test('six runners at once apply everything exactly once', async () => {
    const results = await Promise.all(Array.from({ length: 6 }, () => migrateUp(options())));
    expect(store.executed).toEqual(['one', 'two', 'three']);
    expect(results.flatMap((result) => versions(result.applied)).sort()).toEqual(['000001', '000002']);
  });

  test('an edited file stops the run before anything is applied', async () => {
    await migrateUp(options());
    folder.write({ '000001-a.sql': sqlChange('changed;'), '000003-c.sql': sqlChange('new;') });
    await expect(migrateUp(options())).rejects.toThrow(ChangeFilesError);
    await expect(migrateUp(options())).rejects.toThrow(
      '1 problem in folder:\n- 000001-a.sql was edited after it was applied. Restore its text from version control and put the edit into a new change file.',
    );
    expect(store.executed).not.toContain('new');
  });

  test('a held lock is waited for only so long', async () => {
    store.holder = 'ci@elsewhere';
    await expect(migrateUp({ ...options(), lockWaitMs: 20 })).rejects.toThrow(LockTimeoutError);
    await expect(migrateUp({ ...options(), lockWaitMs: 20 })).rejects.toThrow(
      'The migration lock of memory is held by ci@elsewhere and was not free within 0.0 s.',
    );
    expect(store.executed).toEqual([]);
  });
});

describe('migrateUp with options', () => {
  test('goes up to a version and no further', async () => {
    expect(versions((await migrateUp({ ...options(), to: '000001' })).applied)).toEqual(['000001']);
    store.holder = 'somebody';
    expect(versions((await migrateUp({ ...options(), to: '000001', lockWaitMs: 0 })).applied)).toEqual([]);
  });

  test('warns of drift before it applies, and not on a first run', async () => {
    const warnings: string[] = [];
    const onDrift = (warning: string) => void warnings.push(`${store.executed.length}: ${warning}`);
    await migrateUp({ ...options(), to: '000001', onDrift });
    store.executed.push('by hand');
    await migrateUp({ ...options(), onDrift });
    expect(warnings).toEqual([
      '3: The definitions were changed outside the change files since 000001 (1 difference); `npm run migrate -- verify` lists them:\n+ by hand',
    ]);
    expect(store.snapshot).toEqual({ version: '000002', schema: ['by hand', 'one', 'three', 'two'] });
  });

  test('says nothing about drift that may be the changes of a run that died', async () => {
    await migrateUp({ ...options(), to: '000001' });
    store.snapshot = { version: '', schema: [] };
    const onDrift = jest.fn();
    await migrateUp({ ...options(), onDrift });
    expect(onDrift).not.toHaveBeenCalled();
  });
});

test('acceptSchema records the live definitions under the lock', async () => {
  await migrateUp(options());
  store.executed.push('by hand');
  await acceptSchema({ target: new MemoryTarget(store), appliedBy: 'tester' });
  expect(store.snapshot!.schema).toContain('by hand');
  store.holder = 'somebody';
  const waiting = acceptSchema({ target: new MemoryTarget(store), appliedBy: 'tester', lockWaitMs: 0 });
  await expect(waiting).rejects.toThrow(LockTimeoutError);
});

describe('migrateDown', () => {
  test('a failure keeps what was reverted, and records it', async () => {
    folder.write({ '000001-a.sql': sqlChange('one; two;', 'fail;') });
    await migrateUp(options());
    const reverted: string[] = [];
    const down = migrateDown({ ...options(), onReverted: ({ version }) => void reverted.push(version) });
    await expect(down).rejects.toThrow('000001-a.sql: statement 1 failed at line 4: refused "fail"');
    expect(reverted).toEqual(['000002']);
    expect(store.snapshot!.version).toBe('000001');
    expect(store.holder).toBeUndefined();
  });

  test('reverts newest first down to a version, or everything', async () => {
    await migrateUp(options());
    expect(versions(await migrateDown({ ...options(), to: '000001' }))).toEqual(['000002']);
    expect(versions(await options().target.applied())).toEqual(['000001']);
    expect(versions(await migrateDown(options()))).toEqual(['000001']);
    expect(store.executed.slice(3)).toEqual(['minus three', 'minus one']);
    expect(await options().target.applied()).toEqual([]);
  });

  test('refuses while a file is missing', async () => {
    await migrateUp(options());
    folder.delete('000002-b.sql');
    await expect(migrateDown(options())).rejects.toThrow(
      '000002-b is in the history, but its file is missing',
    );
  });
});
