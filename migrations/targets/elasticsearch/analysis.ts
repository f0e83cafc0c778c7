/** Analyzers and synonyms: faults that can be seen without a server. */
import { z } from 'zod';

const CONVERSIONS = /\s*=>\s*/;

/** Why a list of synonym rules in Solr format cannot be right; undefined when it can. @see https://www.elastic.co/docs/reference/text-analysis/analysis-synonym-graph-tokenfilter */
export function synonymFault(rules: readonly string[]): string | undefined {
  const conversions = new Map<string, string[]>();
  for (const rule of rules) {
    const sides = rule.split(CONVERSIONS);
    const terms = sides.map((side) => side.split(',').map((term) => term.trim().toLowerCase()));
    if (sides.length > 2 || terms.flat().some((term) => term === '')) {
      return `the synonym rule "${rule}" is not "a, b, c" or "a, b => c"`;
    }
    if (sides.length === 1) {
      if (new Set(terms[0]).size < 2) return `the synonym rule "${rule}" needs at least two different terms`;
      continue;
    }
    for (const from of terms[0]!) conversions.set(from, [...(conversions.get(from) ?? []), ...terms[1]!]);
  }
  const cycle = findCycle(conversions);
  return cycle && `the synonym rules go in a circle: ${cycle.join(' => ')}`;
}

/** The first way from a term back to itself; a term that keeps itself (`a => a, b`) is none. */
function findCycle(conversions: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (term: string, way: readonly string[]): string[] | undefined => {
    const start = way.indexOf(term);
    if (start !== -1) return [...way.slice(start), term];
    if (done.has(term)) return undefined;
    for (const next of conversions.get(term) ?? []) {
      const cycle = next === term ? undefined : visit(next, [...way, term]);
      if (cycle) return cycle;
    }
    done.add(term);
    return undefined;
  };
  for (const term of conversions.keys()) {
    const cycle = visit(term, []);
    if (cycle) return cycle;
  }
  return undefined;
}

/** A rule of a synonyms set. @see https://www.elastic.co/docs/api/doc/elasticsearch/group/endpoint-synonyms */
export const synonymsSet = z
  .strictObject({
    synonyms_set: z
      .array(
        z.strictObject({
          id: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must have 1 to 63 of a-z, 0-9, "_" and "-"'),
          synonyms: z.string().min(1),
        }),
      )
      .min(1),
  })
  .superRefine(({ synonyms_set: rules }, context) => {
    const repeated = rules.find(({ id }, index) => rules.findIndex((other) => other.id === id) < index);
    const fault = repeated
      ? `has two rules with the id "${repeated.id}"`
      : synonymFault(rules.map(({ synonyms }) => synonyms));
    if (fault) context.addIssue({ code: 'custom', path: ['synonyms_set'], message: fault });
  });

interface Components {
  readonly [name: string]: Record<string, unknown>;
}
interface Analysis {
  readonly analyzer?: Components;
  readonly normalizer?: Components;
  readonly filter?: Components;
  readonly char_filter?: Components;
  readonly tokenizer?: Components;
}

/** Filters that need no settings and are part of every Elasticsearch. */
const PLAIN = {
  tokenizer: [
    'standard',
    'keyword',
    'letter',
    'lowercase',
    'whitespace',
    'uax_url_email',
    'classic',
    'path_hierarchy',
  ],
  filter: [
    ...[
      'apostrophe',
      'asciifolding',
      'classic',
      'decimal_digit',
      'elision',
      'flatten_graph',
      'kstem',
      'length',
    ],
    ...[
      'limit',
      'lowercase',
      'porter_stem',
      'remove_duplicates',
      'reverse',
      'shingle',
      'snowball',
      'stemmer',
    ],
    ...[
      'stop',
      'trim',
      'truncate',
      'unique',
      'uppercase',
      'word_delimiter_graph',
      'cjk_width',
      'keyword_repeat',
    ],
  ],
  char_filter: ['html_strip'],
};

/** Faults of an `analysis` block: what its analyzers use is built in or defined in the same block. */
export function analysisFaults(analysis: Analysis): string[] {
  const parts = (kind: keyof typeof PLAIN) => [...PLAIN[kind], ...Object.keys(analysis[kind] ?? {})];
  const chains = { ...analysis.analyzer, ...analysis.normalizer };
  const unknown = Object.entries(chains).flatMap(([name, definition]) =>
    (['tokenizer', 'filter', 'char_filter'] as const).flatMap((kind) =>
      [definition[kind] ?? []]
        .flat()
        .filter((used) => !parts(kind).includes(used as string))
        .map(
          (used) =>
            `the analyzer "${name}" uses the ${kind} "${String(used)}", which is neither built in nor defined beside it`,
        ),
    ),
  );
  const circles = Object.entries(analysis.filter ?? {}).flatMap(([name, { synonyms }]) => {
    const fault = Array.isArray(synonyms) ? synonymFault(synonyms as string[]) : undefined;
    return fault === undefined ? [] : [`filter "${name}": ${fault}`];
  });
  return [...unknown, ...circles];
}
