import { readChangeFiles } from '../engine/change-files';
import { MemoryStore, MemoryTarget } from '../engine/memory-target';
import type { DataAudit } from '../engine/target';
import { sqlFormat } from '../targets/postgres/format';
import { sqlChange, TemporaryFolder } from '../testing/change-folder';
import { diagramAction, downAction, statusAction, upAction, verifyAction } from './actions';
import type { Io } from './io';
import type { Place } from './places';

let folder: TemporaryFolder;
let store: MemoryStore;
let notes: string[];
beforeEach(() => {
  store = new MemoryStore();
  notes = [];
  folder = new TemporaryFolder({
    '000001-a.sql': sqlChange('one;', 'minus one;'),
    '000002-b.sql': sqlChange('two;', 'minus two;'),
  });
});
afterEach(() => folder.remove());

const io = (answer?: boolean): Io => ({
  out: () => undefined,
  note: (text) => void notes.push(text),
  ...(answer === undefined
    ? {}
    : { ask: async (question: string) => (notes.push(`asked: ${question}`), answer) }),
});
const place = (): Place => ({
  store: 'postgres',
  database: 'platform',
  folder: 'folder',
  terminator: ';',
  readChanges: () => readChangeFiles(folder.path, sqlFormat),
  open: () => Promise.reject(new Error('not used')),
});
const target = () => new MemoryTarget(store);
const up = () => upAction(place(), target(), { lockWait: 0 }, io());

test('down asks, and does nothing when the answer is no', async () => {
  await up();
  const down = (answer: boolean) => downAction(place(), target(), { to: '000001', lockWait: 0 }, io(answer));
  await expect(down(false)).rejects.toThrow('Nothing was changed: the answer was no.');
  expect(store.history.size).toBe(2);
  notes = [];
  expect(await down(true)).toMatchObject({ exitCode: 0, report: { version: '000001' } });
  expect(notes).toEqual([
    '000002-b.sql, 1 statement:\nminus two;',
    'asked: Reverting 1 change of postgres/platform may lose data.',
    expect.stringMatching(/^✓ 000002-b reverted \(\d+ ms\)$/),
  ]);
  notes = [];
  expect(await down(true)).toMatchObject({ exitCode: 0, text: '0 changes reverted; at version 000001.' });
  expect(notes).toEqual([]);
});

test('up refuses a version that no file has', async () => {
  const unknown = upAction(place(), target(), { to: '000003', lockWait: 0 }, io());
  await expect(unknown).rejects.toThrow('folder has no change 000003 to go up to.');
});

test('status says where a change without transaction stopped', async () => {
  await up();
  const entry = store.history.get('000002')!;
  const status = async (halfDone: { statements: number; error?: string }) => {
    store.history.set('000002', { ...entry, halfDone });
    return statusAction(place(), target(), {}, io());
  };
  const stopped = await status({ statements: 1, error: 'disk full' });
  expect(stopped).toMatchObject({
    exitCode: 3,
    report: { version: '000001', pending: [{ version: '000002' }] },
  });
  expect(stopped.text).toContain('000002-b stopped after 1 statement: disk full');
  expect(stopped.text).toMatch(/^000002-b +half done /m);
  expect((await status({ statements: 2 })).text).toContain(
    '000002-b stopped after 2 statements: its runner died',
  );
  expect(JSON.stringify(stopped.report)).not.toContain('rollback');
});

test('verify tells a store without record from one with the record of another version', async () => {
  const verify = (accept = false) => verifyAction(place(), target(), { accept, lockWait: 0 }, io(true));
  expect(await verify()).toMatchObject({
    exitCode: 0,
    text: 'Nothing was ever applied, so there is nothing to compare.',
  });
  await up();
  store.snapshot = { version: '000001', schema: ['one'] };
  expect(await verify()).toMatchObject({
    exitCode: 3,
    text: expect.stringMatching(/^There is a record of 000001, but 000002 is applied: .*\n.*\n\+ two$/),
  });
  store.snapshot = undefined;
  expect((await verify()).text).toMatch(/^There is no record, but 000002 is applied: /);
  expect(await verify(true)).toMatchObject({ exitCode: 0, report: { accepted: true } });
  expect(notes.at(-1)).toBe('asked: Recording the live definitions of postgres/platform as the meant ones.');
  expect(await verify(true)).toMatchObject({
    exitCode: 0,
    report: { accepted: false },
    text: 'No drift: the definitions are those of 000002.',
  });
});

describe('verify of a store that audits its data', () => {
  class AuditedTarget extends MemoryTarget {
    constructor(private readonly found: DataAudit) {
      super(store);
    }

    async audit(): Promise<DataAudit> {
      return this.found;
    }
  }
  const stray = {
    scanned: 3,
    complete: true,
    faults: [{ count: 1, text: 'database 0, a:*: fits no pattern' }],
  };
  const verify = (audit: DataAudit, accept?: boolean) =>
    verifyAction(place(), new AuditedTarget(audit), { accept, lockWait: 0 }, io(true));

  test('finds stray data as it finds drift, and data that fit are said to', async () => {
    await up();
    expect(await verify(stray)).toMatchObject({
      exitCode: 3,
      report: { drift: false, audit: stray },
      text: [
        'No drift: the definitions are those of 000002.',
        '1 kind of fault in the data (3 entries looked at):',
        '! database 0, a:*: fits no pattern',
        'Correct what writes such data, or put what is meant into a change file.',
      ].join('\n'),
    });
    const clean = { ...stray, faults: [] };
    expect(await verify(clean)).toMatchObject({
      exitCode: 0,
      report: { drift: false, audit: clean },
      text: 'No drift: the definitions are those of 000002.\nNo fault in the data: 3 entries looked at.',
    });
  });

  test('accepting the definitions accepts no data', async () => {
    await up();
    store.snapshot = { version: '000002', schema: ['one'] };
    expect(await verify(stray, true)).toMatchObject({
      exitCode: 3,
      report: { accepted: true, audit: stray },
    });
    expect(await verify({ ...stray, faults: [] })).toMatchObject({ exitCode: 0 });
  });

  test('data in a store without definitions are nobody’s fault', async () => {
    expect((await verify(stray)).report).toEqual({ version: '', added: [], removed: [], drift: false });
  });
});

test('a store without a diagram says which one has it', async () => {
  const redis = { ...place(), store: 'redis' } as const;
  await expect(diagramAction(redis, target(), {}, io())).rejects.toThrow(
    'redis has no diagram; postgres has one.',
  );
});
