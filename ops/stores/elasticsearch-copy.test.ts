import { copied, CopyDigests, type CopyLine, parseLine } from './elasticsearch-copy';

const info = {
  aliases: {},
  mappings: { properties: {} },
  settings: {
    index: {
      ...{ uuid: 'u', creation_date: '17', provided_name: 'x', version: { created: '9' } },
      ...{ hidden: 'true', number_of_shards: '1', lifecycle: { name: 'p' } },
    },
  },
};
const content = (...lines: CopyLine[]) => {
  const digests = new CopyDigests();
  for (const line of lines) digests.add(line);
  return digests.content();
};

test('an index has no settings of its server, and the age that its lifecycle counts from', () => {
  const lifecycle = { name: 'p', origination_date: '17' };
  const mappings = { properties: {} };
  expect(copied('x', info, false)).toEqual({
    ...{ name: 'x', mappings, settings: { hidden: 'true', number_of_shards: '1', lifecycle } },
  });
  expect(copied('x', info, true).settings).toEqual({ number_of_shards: '1', lifecycle });
  const { index } = info.settings;
  const older = {
    ...info,
    settings: { index: { ...index, lifecycle: { name: 'p', origination_date: '3' } } },
  };
  expect(copied('x', older, true).settings['lifecycle']).toEqual({ name: 'p', origination_date: '3' });
  const { lifecycle: _none, ...without } = index;
  expect(copied('x', { ...info, settings: { index: without } }, true).settings).toEqual({
    number_of_shards: '1',
  });
});

test('the digest of an index knows its documents in any order, and not its age', () => {
  const [one, two] = ['1', '2'].map((id): CopyLine => ({ document: { id, source: { a: 1 } } }));
  const index = copied('x', info, false);
  const later = {
    ...index,
    settings: { ...index.settings, lifecycle: { name: 'p', origination_date: '99' } },
  };
  const first = content({ index }, one!, two!);
  expect(first).toEqual({
    'index/x': { count: 2, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
  });
  expect(content({ index: later }, two!, one!)).toEqual(first);
  expect(content({ index }, one!, one!)).not.toEqual(first);
});

test('the same documents in other indices of a data stream are other content', () => {
  const stream = { name: 's', hidden: false, allow_custom_routing: false };
  const backing = copied('.ds-s-1', info, true);
  const document = { id: '1', source: {} };
  const first = content({ stream }, { backing }, { document }, { backing });
  expect(first).toMatchObject({ 'stream/s/1': { count: 1 }, 'stream/s/2': { count: 0 } });
  expect(content({ stream }, { backing }, { backing }, { document })).not.toEqual(first);
});

test('numbers of documents keep their digits', () => {
  const line = '{"document":{"id":"1","source":{"a":9007199254740993,"b":1.0,"c":1E5}}}';
  expect(JSON.stringify(parseLine(line))).toBe(line);
});
