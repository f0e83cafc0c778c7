import { z } from 'zod';
import { TemporaryFolder } from '../testing/change-folder';
import { readChangeFiles } from './change-files';
import { jsonFormat } from './json-format';
import { MemoryStore, MemoryTarget } from './memory-target';
import { migrateUp } from './runner';
import type { Parameters } from './target';

const operation = z.strictObject({
  operation: z.enum(['put', 'delete']),
  name: z.string(),
  age: z
    .string()
    .regex(/^\d+d$/, 'must be days')
    .optional(),
});
const format = jsonFormat(operation, ({ name }) => name);
const put = (name: string, age?: string) => ({ operation: 'put', name, ...(age ? { age } : {}) });
const file = (up: object[], parameters?: Parameters) =>
  JSON.stringify({ description: 'd', ...(parameters ? { parameters } : {}), up, down: [put('undo')] });

describe('reading', () => {
  const text = file([put('logs', '${retention.logs}'), put('other')], { 'retention.logs': '90d' });

  test('a file alone has its own defaults', () => {
    expect(format.parse(text)).toMatchObject({
      up: [
        { text: '{"operation":"put","name":"logs","age":"90d"}', defines: 'logs', parameterised: true },
        { text: '{"operation":"put","name":"other"}', defines: 'other' },
      ],
      parameters: { 'retention.logs': '90d' },
    });
  });

  test('a given value replaces the default, and others are ignored', () => {
    const { up, parameters } = format.parse(text, { 'retention.logs': '7d', 'retention.x': '1d' });
    expect(up[0]!.text).toBe('{"operation":"put","name":"logs","age":"7d"}');
    expect(parameters).toEqual({ 'retention.logs': '7d' });
  });

  test.each([
    [
      'a value that the operation refuses',
      () => format.parse(text, { 'retention.logs': 'soon' }),
      'has operations that are not valid (up.0.age: must be days; the parameters are retention.logs = soon). See docs/migration-format.md for the operations of this store.',
    ],
    [
      'a name that is not declared',
      () => format.parse(file([put('a', '${b}'), put('a', '${c}')], { b: '1d' })),
      'uses the parameter "c", which it does not declare. List under "parameters" exactly what stands in its operations as "${…}", each with a default.',
    ],
    [
      'a name that is not used',
      () => format.parse(file([put('a', '${b}')], { b: '1d', c: '1d' })),
      'declares the parameter "c", which it does not use. List under "parameters" exactly what stands in its operations as "${…}", each with a default.',
    ],
    [
      'parameters where the store has none',
      () => jsonFormat(operation).parse(file([put('a')], { b: '1d' })),
      'has operations that are not valid (the file: Unrecognized key: "parameters"). See docs/migration-format.md for the operations of this store.',
    ],
  ])('refuses %s', (_name, parse, message) => expect(parse).toThrow(message));

  test('a file without parameters keeps what looks like one', () => {
    expect(format.parse(file([put('${b}')])).up[0]!.text).toBe('{"operation":"put","name":"${b}"}');
  });
});

describe('a new value', () => {
  let folder: TemporaryFolder;
  let store: MemoryStore;
  beforeEach(() => {
    store = new MemoryStore();
    folder = new TemporaryFolder({
      '000001-a.json': file([put('logs', '${logs}'), put('metrics', '${metrics}'), put('plain')], {
        logs: '90d',
        metrics: '30d',
      }),
    });
  });
  afterEach(() => folder.remove());

  const up = (values?: Parameters) =>
    migrateUp({
      target: new MemoryTarget(store),
      folder: readChangeFiles(folder.path, format, values),
      folderName: 'folder',
      appliedBy: 'tester',
    });
  /** What the run added, as `name age`. */
  const performed = async (values?: Parameters) => {
    const before = store.executed.length;
    const { failed } = await up(values);
    expect(failed).toBeUndefined();
    return store.executed.slice(before).map((text) => {
      const { operation: act, name, age } = JSON.parse(text) as z.infer<typeof operation>;
      return [act, name, age].filter(Boolean).join(' ');
    });
  };

  test('performs what it is part of again, once, and records it', async () => {
    expect(await performed({ logs: '7d' })).toEqual(['put logs 7d', 'put metrics 30d', 'put plain']);
    expect(await performed({ logs: '7d' })).toEqual([]);
    expect(await performed({ logs: '5d' })).toEqual(['put logs 5d', 'put metrics 30d']);
    expect(store.history.get('000001')!.parameters).toEqual({ logs: '5d', metrics: '30d' });
    expect(await performed({ logs: '5d' })).toEqual([]);
    expect(store.snapshot!.schema).toEqual(store.executed.toSorted());
  });

  test('a run without values leaves what is applied as it is', async () => {
    await up({ logs: '7d' });
    expect(await performed()).toEqual([]);
  });

  test('keeps what a later change defined anew or deleted, applied in the same run or before', async () => {
    await up({});
    folder.write({
      '000002-b.json': file([put('logs', '1d'), { operation: 'delete', name: 'metrics' }]),
    });
    expect(await performed({ logs: '5d', metrics: '6d' })).toEqual(['put logs 1d', 'delete metrics']);
    expect(await performed({ logs: '4d', metrics: '4d' })).toEqual([]);
  });

  test('a failure is reported with its file, and the next run tries again', async () => {
    folder.write({ '000001-a.json': file([{ ...put('logs', '${logs}') }], { logs: '1d' }) });
    await up({ logs: '2d' });
    const execute = jest.spyOn(MemoryTarget.prototype, 'renew').mockRejectedValueOnce(new Error('away'));
    const { failed, history } = await up({ logs: '3d' });
    expect([failed!.change.file, failed!.error.message]).toEqual(['000001-a.json', 'away']);
    expect(history[0]!.parameters).toEqual({ logs: '2d' });
    execute.mockRestore();
    expect(await performed({ logs: '3d' })).toEqual(['put logs 3d']);
  });
});
