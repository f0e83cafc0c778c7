import { MemoryStore, MemoryTarget } from './memory-target';
import { auditLines, driftLines, driftWarning, hasDrift, isRecorded, schemaDrift } from './verify';

const applied = (version: string, halfDone?: { statements: number }) => ({
  ...{ version, description: 'x', checksum: '', rollback: '', appliedAt: '', appliedBy: '', durationMs: 0 },
  ...(halfDone ? { halfDone } : {}),
});
const drift = (state: Partial<MemoryStore>) =>
  schemaDrift(new MemoryTarget(Object.assign(new MemoryStore(), state)));

test('a store that was never migrated has no drift', async () => {
  const found = await drift({});
  expect(found).toEqual({ version: '', added: [], removed: [] });
  expect(hasDrift(found)).toBe(false);
});

test('the same definitions in any order are no drift', async () => {
  const found = await drift({
    history: new Map([['000001', applied('000001')]]),
    executed: ['table b', 'table a', 'table a'],
    snapshot: { version: '000001', schema: ['table a', 'table a', 'table b'] },
  });
  expect(found).toEqual({ version: '000001', recorded: '000001', added: [], removed: [] });
  expect(hasDrift(found)).toBe(false);
});

test('what is only in the store and only in the record, repeated lines counted', async () => {
  const found = await drift({
    history: new Map([['000001', applied('000001')]]),
    executed: ['column a', 'column a', 'column c\n  int'],
    snapshot: { version: '000001', schema: ['column a', 'column b', 'column b'] },
  });
  expect(hasDrift(found)).toBe(true);
  expect(driftLines(found)).toEqual(['+ column a', '- column b', '- column b', '+ column c int']);
  expect(driftWarning(found)).toBe(
    'The definitions were changed outside the change files since 000001 (4 differences); `npm run migrate -- verify` lists them:\n' +
      '+ column a\n- column b\n- column b\n… and 1 more',
  );
});

test('a record of another version says so', async () => {
  const history = new Map([
    ['000001', applied('000001')],
    ['000002', applied('000002')],
  ]);
  const found = await drift({ history, snapshot: { version: '000001', schema: [] } });
  expect(isRecorded(found)).toBe(false);
  expect(hasDrift(found)).toBe(true);
  expect(isRecorded(await drift({ history }))).toBe(false);
});

test('a half-done change is not applied yet', async () => {
  const history = new Map([
    ['000001', applied('000001')],
    ['000002', applied('000002', { statements: 1 })],
  ]);
  expect(isRecorded(await drift({ history, snapshot: { version: '000001', schema: [] } }))).toBe(true);
});

test('what an audit found, one line for each kind of fault', () => {
  expect(auditLines({ scanned: 1, complete: true, faults: [] })).toEqual([
    'No fault in the data: 1 entry looked at.',
  ]);
  const faults = [
    { count: 2, text: 'database 0, a:*: fits no pattern, 2 keys' },
    { count: 1, text: 'database 1, b:{id}: has no TTL, 1 key' },
  ];
  expect(auditLines({ scanned: 20, complete: false, faults })).toEqual([
    '2 kinds of fault in the data (20 entries looked at, there are more):',
    '! database 0, a:*: fits no pattern, 2 keys',
    '! database 1, b:{id}: has no TTL, 1 key',
    'Correct what writes such data, or put what is meant into a change file.',
  ]);
});
