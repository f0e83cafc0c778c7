import { type ChangeFormat, MalformedChangeError } from '../../engine/change-files';
import { parseSections, type SectionedLanguage } from '../../engine/sectioned-format';
import { type CypherItem, type CypherToken, splitCypher } from './split-cypher';

const cypher: SectionedLanguage<CypherItem> = {
  comment: '//',
  terminator: ';',
  split: splitCypher,
  check: checkStatement,
};

/**
 * The Neo4j change format: `// migrate:up` and `// migrate:down` sections in one `.cypher` file, whose statements run one
 * by one and must be safe to run again.
 */
export const cypherFormat: ChangeFormat = {
  extension: 'cypher',
  terminator: cypher.terminator,
  parse: (text) => parseSections(text, cypher),
};

const INDEX_KINDS = 'RANGE|TEXT|POINT|FULLTEXT|VECTOR|LOOKUP';
const SCHEMA_COMMAND = new RegExp(
  `^(CREATE|DROP)( OR REPLACE)?( (?:${INDEX_KINDS}))? (CONSTRAINT|INDEX)\\b(?: (.*))?$`,
);
const ADMINISTRATION =
  /^(GRANT|DENY|REVOKE|SHOW|START|STOP|DRYRUN|ENABLE|ALTER|RENAME|TERMINATE|DEALLOCATE|REALLOCATE|USE|(CREATE|DROP)( OR REPLACE)?( COMPOSITE)? (USER|ROLE|IMMUTABLE|DATABASE|ALIAS|SERVER))\b/;
/** What an uniqueness constraint asks for; every other kind exists in Enterprise only. */
const UNIQUE = /\bIS (NODE |RELATIONSHIP |REL )?UNIQUE\b/;
const MAX_VECTOR_DIMENSIONS = 4096;

function checkStatement(item: CypherItem): void {
  const words = item.tokens.map(({ text }) => text).join(' ');
  if (words.startsWith(':')) {
    throw refused(item.line, 'a cypher-shell command', 'Only Cypher is understood; remove it.');
  }
  if (ADMINISTRATION.test(words)) {
    throw refused(
      item.line,
      `the administration command ${item.tokens[0]!.text}`,
      'Users, roles and databases belong to the Neo4j component; remove it.',
    );
  }
  checkTokens(item.tokens);
  const schema = SCHEMA_COMMAND.exec(words);
  if (schema) checkSchemaCommand(item, schema);
  else checkData(item.tokens);
}

function checkTokens(tokens: readonly CypherToken[]): void {
  for (const [index, { text, line }] of tokens.entries()) {
    if (text === '$') throw refused(line, 'a parameter', 'Nobody gives it a value; write the value.');
    if (text === 'LOAD' && tokens[index + 1]?.text === 'CSV')
      throw refused(line, 'LOAD CSV', 'A change must not depend on other files; write the rows with UNWIND.');
  }
}

function checkSchemaCommand(item: CypherItem, [, verb, replace, , kind, rest = '']: RegExpExecArray): void {
  const guard = verb === 'CREATE' ? 'IF NOT EXISTS' : 'IF EXISTS';
  if (replace) throw refused(item.line, 'OR REPLACE', 'Drop it in one statement and create it in the next.');
  const [name, ...after] = rest.split(' ');
  if (!name || /^(IF|FOR|ON)$/.test(name)) {
    throw refused(item.line, `${verb} ${kind} without a name`, 'Name it, so that it can be dropped again.');
  }
  if (!after.join(' ').startsWith(guard)) {
    throw refused(
      item.line,
      `${verb} ${kind} without ${guard}`,
      `Write ${verb} ${kind} <name> ${guard}, so that it can run again.`,
    );
  }
  if (verb !== 'CREATE') return;
  if (kind === 'CONSTRAINT' && !UNIQUE.test(rest)) {
    throw refused(
      item.line,
      'a constraint of Neo4j Enterprise',
      'Change files must run in both editions, and Community has uniqueness only: write REQUIRE … IS UNIQUE.',
    );
  }
  if (/^CREATE VECTOR /.test(item.tokens.map(({ text }) => text).join(' '))) checkVectorIndex(item);
}

/** @see https://neo4j.com/docs/cypher-manual/5/indexes/semantic-indexes/vector-indexes/ */
function checkVectorIndex({ text, line }: CypherItem): void {
  const option = (name: string) => new RegExp(`\`vector\\.${name}\`\\s*:\\s*([^\\s,}]+)`).exec(text)?.[1];
  const dimensions = option('dimensions') ?? 'none';
  if (!/^[1-9]\d*$/.test(dimensions) || Number(dimensions) > MAX_VECTOR_DIMENSIONS) {
    throw refused(
      line,
      `a vector index with \`vector.dimensions\` ${dimensions}`,
      `Set it in indexConfig to a whole number from 1 to ${MAX_VECTOR_DIMENSIONS}.`,
    );
  }
  const similarity = option('similarity_function') ?? 'none';
  if (!/^(['"])(cosine|euclidean)\1$/i.test(similarity)) {
    throw refused(
      line,
      `a vector index with \`vector.similarity_function\` ${similarity}`,
      "Set it in indexConfig to 'cosine' or 'euclidean'.",
    );
  }
}

/** CREATE and INSERT would make a second node when the statement runs again. */
function checkData(tokens: readonly CypherToken[]): void {
  for (const [index, { text, line }] of tokens.entries()) {
    if (text !== 'CREATE' && text !== 'INSERT') continue;
    const before = tokens[index - 1]?.text ?? '';
    const after = tokens[index + 1]?.text ?? '';
    // ON CREATE of a MERGE; or a label, a property, a key of a map or a name, not the clause.
    if (/^([.:&!%]|ON)$/.test(before) || !/^([(`]|[\p{L}_].*)$/u.test(after)) continue;
    throw refused(line, `the clause ${text}`, 'Write MERGE, so that it can run again.');
  }
}

function refused(line: number, what: string, fix: string): MalformedChangeError {
  return new MalformedChangeError(`has ${what} on line ${line}`, fix);
}
