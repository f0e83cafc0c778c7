import { CopyDigests, type CopyLine } from './neo4j-copy';

const node = (number: number, name: string, ...labels: string[]): CopyLine => ({
  ...{ node: number, labels, properties: { name } },
});
const link = (from: number, to: number): CopyLine => ({
  ...{ relationship: 'LINK', from, to, properties: {} },
});
const digests = (...lines: CopyLine[]) => {
  const found = new CopyDigests();
  for (const line of lines) found.add(line);
  return found;
};
const content = (...lines: CopyLine[]) => digests(...lines).content();

test('content is by label, type and definition, whatever numbers the nodes have', () => {
  const first = content(
    { schema: 'CREATE CONSTRAINT `c`' },
    node(0, 'a', 'A', 'B'),
    node(1, 'b', 'B'),
    node(2, 'c'),
    link(0, 1),
  );
  expect(first).toMatchObject({
    ...{ 'node/A': { count: 1 }, 'node/B': { count: 2 }, node: { count: 1 } },
    ...{ 'relationship/LINK': { count: 1 }, schema: { count: 1 } },
  });
  expect(
    content(node(70_000, 'c'), node(9, 'b', 'B'), node(12_345, 'a', 'A', 'B'), link(12_345, 9), {
      schema: 'CREATE CONSTRAINT `c`',
    }),
  ).toEqual(first);
});

test.each([
  ['its direction', [link(1, 0)]],
  ['its end', [link(0, 2)]],
  ['its number', [link(0, 1), link(0, 1)]],
])('a relationship differs by %s', (_what, links) => {
  const nodes = [node(0, 'a'), node(1, 'b'), node(2, 'c')];
  const wanted = content(...nodes, link(0, 1))['relationship/LINK'];
  expect(content(...nodes, ...links)['relationship/LINK']).not.toEqual(wanted);
});

test('nodes that are equal are not told apart, as documented', () => {
  const twins = [node(0, 'twin'), node(1, 'twin'), node(2, 'other')];
  expect(content(...twins, link(0, 2), link(1, 2))).toEqual(content(...twins, link(0, 2), link(0, 2)));
});

test('a copy knows its nodes and its history', () => {
  const entry = (version: string): CopyLine => ({
    ...{ node: Number(version), labels: ['__SchemaMigration'], properties: { version, checksum: 'x' } },
  });
  const found = digests(entry('000002'), entry('000001'));
  expect(found.schema().map(({ version }) => version)).toEqual(['000001', '000002']);
  expect([found.has(1), found.has(3), found.has(1_000_000)]).toEqual([true, false, false]);
});
