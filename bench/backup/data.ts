/** The data of the bench: the same bytes in every run. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BenchRoot } from './root';
import type { BenchPostgres } from './server';
import { OWNER } from './server';

const BATCH = 500;
const VOCABULARY = 4000;
/** Rows at scale 1, which make about 1 GB with their indexes. */
const ROWS = { users: 50_000, documents: 600_000, events: 1_200_000 };
/** One in so many documents is too large for a page. */
const LARGE = 50;

const TABLES = `
  CREATE TABLE users (id uuid PRIMARY KEY, email text NOT NULL UNIQUE, profile jsonb NOT NULL);
  CREATE TABLE documents (
    id uuid PRIMARY KEY, project uuid NOT NULL, title text NOT NULL, body text NOT NULL,
    tags jsonb NOT NULL, created timestamptz NOT NULL
  );
  CREATE TABLE events (
    id bigint PRIMARY KEY, kind text NOT NULL, payload jsonb NOT NULL, at timestamptz NOT NULL
  );`;
const INDEXES = `
  CREATE INDEX ON documents (project, created);
  CREATE INDEX ON documents USING gin (tags);
  CREATE INDEX ON events (kind, at);`;

/** Fills a server, as the owner of its database. @returns bytes of the database. */
export async function fill(postgres: BenchPostgres, root: BenchRoot, scale: number): Promise<number> {
  await postgres.query(`SET ROLE ${OWNER}; ${TABLES}`);
  for (const [table, rows] of Object.entries(ROWS)) {
    const file = `${table}.csv`;
    const lines = linesOf[table as keyof typeof ROWS](Math.round(rows * scale));
    await pipeline(Readable.from(lines), createWriteStream(root.host(file)));
    await postgres.query(`COPY ${table} FROM '${root.inside(file)}' (FORMAT csv, DELIMITER '|', QUOTE '~')`);
    await root.remove(file);
  }
  await postgres.query(`SET ROLE ${OWNER}; ${INDEXES}`);
  await postgres.query('VACUUM ANALYZE');
  await postgres.query('CHECKPOINT');
  const [size] = await postgres.query<{ bytes: string }>(
    'SELECT pg_database_size(current_database()) AS bytes',
  );
  return Number(size!.bytes);
}

const linesOf: Readonly<Record<keyof typeof ROWS, (rows: number) => Generator<string>>> = {
  users: (rows) =>
    batches(rows, (random, i) => {
      const profile = { name: words(random, 2), about: words(random, 12), score: random() };
      return [uuid(random), `user-${i}@example.org`, JSON.stringify(profile)];
    }),
  documents: (rows) =>
    batches(rows, (random, i) => [
      uuid(random),
      uuid(generator(i % 200)),
      words(random, 6),
      words(random, i % LARGE === 0 ? 1500 : 80 + Math.floor(random() * 80)),
      JSON.stringify({ topic: words(random, 1), level: i % 7, reviewed: random() < 0.5 }),
      time(i),
    ]),
  events: (rows) =>
    batches(rows, (random, i) => [
      String(i),
      `kind-${Math.floor(random() * 40)}`,
      JSON.stringify({ run: uuid(random), tokens: Math.floor(random() * 4000), note: words(random, 6) }),
      time(i),
    ]),
};

function* batches(rows: number, row: (random: () => number, i: number) => string[]): Generator<string> {
  const random = generator(rows);
  for (let i = 0; i < rows; i += BATCH) {
    const lines = Array.from(
      { length: Math.min(BATCH, rows - i) },
      (_, j) => `${row(random, i + j).join('|')}\n`,
    );
    yield lines.join('');
  }
}

/** Numbers from 0 to 1 that look random (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SYLLABLES = ['ka', 'lo', 'mi', 'ren', 'tus', 'va', 'sol', 'ent', 'ur', 'ip', 'do', 'gra', 'qui', 'ble'];
const vocabulary = (() => {
  const random = generator(1);
  const syllable = () => SYLLABLES[Math.floor(random() * SYLLABLES.length)];
  return Array.from({ length: VOCABULARY }, () =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, syllable).join(''),
  );
})();

/** Frequent words come more often, as in a language. */
function words(random: () => number, count: number): string {
  return Array.from({ length: count }, () => vocabulary[Math.floor(random() ** 3 * VOCABULARY)]).join(' ');
}

function uuid(random: () => number): string {
  const part = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  const hex = part() + part() + part() + part();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function time(i: number): string {
  return new Date(Date.UTC(2024, 0, 1) + i * 61_000).toISOString();
}
