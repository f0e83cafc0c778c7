import { linesOf } from './lines';
import { QuadDigests } from './oxigraph-digest';
import { parseQuad } from './oxigraph-quads';
import { requestsOf } from './oxigraph-requests';

const digest = (lines: readonly string[]) => {
  const digests = new QuadDigests();
  for (const line of lines) {
    const quad = parseQuad(line);
    digests.add(quad.graph ?? 'default', quad);
  }
  return digests.content();
};
const ring = (prefix: string, length: number) =>
  Array.from({ length }, (_, i) => `_:${prefix}${i} <urn:next> _:${prefix}${(i + 1) % length} .`);
const chain = (prefix: string, values: readonly string[]) =>
  values.flatMap((value, i) => [
    `_:${prefix}${i} <urn:value> "${value}" .`,
    `_:${prefix}${i} <urn:next> _:${prefix}${i + 1} .`,
  ]);

describe('a quad', () => {
  test('has its terms, its graph and its blank nodes', () => {
    expect(parseQuad('_:a <urn:p> <<( _:b <urn:q> "_:no \\" <x> ."@en--ltr )>> _:a .')).toEqual({
      subject: '_:a',
      predicate: '<urn:p>',
      object: '<<( _:b <urn:q> "_:no \\" <x> ."@en--ltr )>>',
      graph: '_:a',
      blankNodes: ['_:a', '_:b'],
      pattern: ' _:0 <urn:p> <<( _:1 <urn:q> "_:no \\" <x> ."@en--ltr )>> _:0',
    });
    expect(parseQuad('<urn:s> <urn:p> "a\\\\"^^<urn:t> .').graph).toBeUndefined();
    expect(parseQuad(`<urn:s> <urn:p> "${'x '.repeat(5_000_000)}" <urn:g> .`).graph).toBe('<urn:g>');
  });

  test.each(['<urn:s> <urn:p> .', '<urn:s> <urn:p> "open .', '<urn:s> <urn:p> <urn:o> <urn:g>', ''])(
    'is refused when it is cut off: %s',
    (line) => expect(() => parseQuad(line)).toThrow(/^This line (is no quad|has a string without an end)/),
  );
});

describe('a digest', () => {
  test('is the same in any order and with any labels', () => {
    const lines = ['<urn:s> <urn:p> "1" <urn:g> .', ...chain('a', ['x', 'y', 'x']), ...ring('r', 5)];
    const renamed = lines.map((line) => line.replaceAll(/_:(\w+)/g, (_, label) => `_:z${label}z`)).reverse();
    expect(digest(renamed)).toEqual(digest(lines));
    expect(digest(lines)).toMatchObject({ default: { count: 11 }, '<urn:g>': { count: 1 } });
  });

  test.each([
    ['a value', ['<urn:s> <urn:p> "1" .'], ['<urn:s> <urn:p> "2" .']],
    ['a graph', ['<urn:s> <urn:p> "1" .'], ['<urn:s> <urn:p> "1" <urn:g> .']],
    ['which blank node it is', ['_:a <urn:p> _:a .'], ['_:a <urn:p> _:b .']],
    ['the order of a list', chain('a', ['x', 'y', 'z']), chain('a', ['y', 'x', 'z'])],
    [
      'what hangs on one of two',
      ['_:a <urn:p> "1" .', '_:a <urn:q> "2" .'],
      ['_:a <urn:p> "1" .', '_:b <urn:q> "2" .'],
    ],
  ])('shows a difference in %s', (_what, one, other) => {
    expect(digest(one)).not.toEqual(digest(other));
  });

  test('does not tell two rings from one, as documented', () => {
    expect(digest([...ring('a', 3), ...ring('b', 3)])).toEqual(digest(ring('c', 6)));
  });
});

describe('requests', () => {
  const requests = async (lines: readonly string[], limit: number) => {
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const found: string[][] = [];
    for await (const body of requestsOf(() => iterate(bytes), limit)) {
      const own: string[] = [];
      for await (const line of linesOf(iterate(body))) own.push(line);
      found.push(own);
    }
    return found;
  };
  async function* iterate(bytes: Uint8Array) {
    // Lines that are spread over chunks.
    for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
  }

  test('are one when all fits, also when there is nothing', async () => {
    expect(await requests([], 100)).toEqual([[]]);
    expect(await requests(['<urn:s> <urn:p> "é" .', ...ring('a', 2)], 100)).toHaveLength(1);
  });

  test('keep what hangs together by blank nodes in one', async () => {
    const plain = ['<urn:s> <urn:p> "1" .', '<urn:s> <urn:p> "2" .', '<urn:s> <urn:p> "3" .'];
    const [a, b, c] = [ring('a', 2), ring('b', 2), chain('c', ['1'])];
    const mixed = [plain[0]!, a[0]!, b[0]!, c[0]!, plain[1]!, a[1]!, b[1]!, c[1]!, plain[2]!];
    // Of 21 bytes, and twice 23.
    expect(await requests(mixed, 50)).toEqual([plain.slice(0, 2), plain.slice(2), a, b, c]);
    expect(await requests(mixed, 100)).toEqual([plain, [a[0], b[0], a[1], b[1]], c]);
  });

  test('are refused where that is larger than a request', async () => {
    await expect(requests(ring('a', 10), 60)).rejects.toThrow(
      /^230 bytes of quads hang together by blank nodes, and a request takes at most 60\. Give/,
    );
  });
});
