import fc from 'fast-check';
import type { ChangeFolder } from './change-files';
import { type HistoryEntry, plan } from './plan';
import type { Change } from './target';

const change = (number: number, checksum = `sum${number}`): Change => {
  const version = String(number).padStart(6, '0');
  const text = { text: 'x', line: 1 };
  const file = `${version}-change.sql`;
  return {
    version,
    description: 'change',
    file,
    checksum,
    transaction: true,
    up: [text],
    down: [text],
    rollback: 'x',
  };
};
const folder = (...changes: Change[]): ChangeFolder => ({ changes, problems: [] });
const applied = (number: number, extra: Partial<HistoryEntry> = {}): HistoryEntry => ({
  ...change(number),
  ...extra,
});

describe('plan', () => {
  test('everything is pending on an empty history', () => {
    expect(plan(folder(change(1), change(2)), [])).toEqual({ pending: [change(1), change(2)], problems: [] });
  });

  test('only what is newer than the history is pending', () => {
    expect(plan(folder(change(1), change(2), change(4)), [applied(1), applied(2)]).pending).toEqual([
      change(4),
    ]);
  });

  test('a half-done change is pending again, even when its file was corrected', () => {
    const history = [applied(1), applied(2, { halfDone: { statements: 1 }, checksum: 'before' })];
    expect(plan(folder(change(1), change(2)), history)).toEqual({ pending: [change(2)], problems: [] });
  });

  test.each<[string, HistoryEntry[]]>([
    ['one of another version', [applied(1), applied(3, { checksum: 'sum2' })]],
    ['one with another checksum', [applied(1), applied(2, { checksum: 'other' })]],
    ['one that is half done', [applied(1), applied(2, { halfDone: { statements: 1 } })]],
    ['one less', [applied(1)]],
    ['one more', [applied(1), applied(2), applied(3)]],
  ])('checksums that are known without parsing do not hide %s', (_what, history) => {
    const files = folder(change(1), change(2));
    const digests = files.changes.map(({ file, checksum }) => ({ file, sha256: checksum }));
    expect(plan({ ...files, digests }, [applied(1), applied(2)])).toEqual({ pending: [], problems: [] });
    expect(plan({ ...files, digests }, history)).toEqual(plan(files, history));
    expect(plan(files, history)).not.toEqual({ pending: [], problems: [] });
  });

  test('lists every problem at once, by file, and then nothing is pending', () => {
    const malformed = {
      kind: 'malformed' as const,
      file: '000005-bad.sql',
      version: '000005',
      what: 'is bad',
      fix: 'Fix it.',
    };
    const files: ChangeFolder = {
      changes: [change(1, 'other'), change(2), change(6)],
      problems: [malformed],
    };
    expect(plan(files, [applied(1), applied(3), applied(5)])).toEqual({
      pending: [],
      problems: [
        {
          kind: 'edited',
          file: '000001-change.sql',
          version: '000001',
          what: 'was edited after it was applied',
          fix: 'Restore its text from version control and put the edit into a new change file.',
        },
        {
          kind: 'late',
          file: '000002-change.sql',
          version: '000002',
          what: 'comes late: 000005 is applied already',
          fix: 'Give it a number above 000005.',
        },
        {
          kind: 'missing',
          file: '000003-change',
          version: '000003',
          what: 'is in the history, but its file is missing',
          fix: 'Restore the file from version control.',
        },
        malformed,
      ],
    });
  });

  test('whatever prefix of the files is applied, the rest is pending and applying it leaves nothing', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 999_999 }), { maxLength: 20 });
    fc.assert(
      fc.property(numbers, fc.nat(20), (unsorted, count) => {
        const changes = unsorted.sort((a, b) => a - b).map((number) => change(number));
        const first = plan(folder(...changes), changes.slice(0, count));
        expect(first).toEqual({ pending: changes.slice(count), problems: [] });
        expect(plan(folder(...changes), changes).pending).toEqual([]);
      }),
    );
  });
});
