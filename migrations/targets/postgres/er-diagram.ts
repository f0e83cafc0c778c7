/** Runs one SELECT and returns its rows. */
export type Select = (text: string) => Promise<Record<string, unknown>[]>;

interface Column {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly type: string;
  /** `PK`, `FK` and `UK`, as Mermaid marks keys. */
  readonly keys: readonly string[];
}

interface Reference {
  readonly schema: string;
  readonly child: string;
  readonly parent: string;
  readonly columns: string;
  readonly optional: boolean;
  readonly unique: boolean;
}

/** Tables without the partitions, which have the definition of their parent. */
const TABLES = `
  SELECT c.oid, nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'`;

const COLUMNS = `
  WITH tables AS (${TABLES})
  SELECT nspname AS schema, relname AS table, attname AS name,
         CASE WHEN typelem <> 0 AND typlen = -1 THEN format_type(typelem, NULL) || '[]' ELSE typname::text END AS type,
         array_remove(ARRAY[
           CASE WHEN EXISTS (SELECT FROM pg_constraint WHERE conrelid = t.oid AND contype = 'p' AND attnum = ANY (conkey)) THEN 'PK' END,
           CASE WHEN EXISTS (SELECT FROM pg_constraint WHERE conrelid = t.oid AND contype = 'f' AND attnum = ANY (conkey)) THEN 'FK' END,
           CASE WHEN EXISTS (SELECT FROM pg_constraint WHERE conrelid = t.oid AND contype = 'u' AND conkey = ARRAY[attnum]) THEN 'UK' END
         ], NULL) AS keys
  FROM tables t JOIN pg_attribute ON attrelid = t.oid JOIN pg_type y ON y.oid = atttypid
  WHERE attnum > 0 AND NOT attisdropped
  ORDER BY nspname, relname, attnum`;

const REFERENCES = `
  WITH tables AS (${TABLES})
  SELECT child.nspname AS schema, format('%s.%s', child.nspname, child.relname) AS child,
         format('%s.%s', parent.nspname, parent.relname) AS parent,
         (SELECT string_agg(attname, ', ' ORDER BY ordinality)
          FROM unnest(conkey) WITH ORDINALITY AS k (attnum, ordinality) JOIN pg_attribute a USING (attnum)
          WHERE attrelid = conrelid) AS columns,
         (SELECT bool_or(NOT attnotnull) FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) AS optional,
         EXISTS (SELECT FROM pg_constraint u WHERE u.conrelid = f.conrelid AND u.contype IN ('p', 'u') AND u.conkey <@ f.conkey) AS unique
  FROM pg_constraint f JOIN tables child ON child.oid = conrelid JOIN tables parent ON parent.oid = confrelid
  WHERE contype = 'f'
  ORDER BY child, parent, conname`;

/**
 * Entity-relationship diagrams of a database as Markdown, one Mermaid diagram per schema, read from the server's catalogue.
 * @see https://mermaid.js.org/syntax/entityRelationshipDiagram.html
 */
export async function erDiagram(select: Select): Promise<string> {
  const columns = (await select(COLUMNS)) as unknown as Column[];
  const references = (await select(REFERENCES)) as unknown as Reference[];
  const schemas = [...new Set(columns.map((column) => column.schema))];
  const sections = schemas.map((schema) =>
    section(
      schema,
      columns.filter((column) => column.schema === schema),
      references.filter((reference) => reference.schema === schema),
    ),
  );
  return [
    '# Entity-relationship diagram',
    'Generated from a migrated database by `npm run --silent migrate -- diagram`; partitions and views are left out. [schema.md](schema.md) explains the tables.',
    ...sections,
  ]
    .join('\n\n')
    .concat('\n');
}

function section(schema: string, columns: readonly Column[], references: readonly Reference[]): string {
  const tables = [...new Set(columns.map((column) => column.table))];
  const entities = tables.flatMap((table) => [
    `  "${schema}.${table}" {`,
    ...columns.filter((column) => column.table === table).map(attribute),
    '  }',
  ]);
  return [
    `## ${schema}`,
    '',
    '```mermaid',
    'erDiagram',
    ...entities,
    ...references.map(relationship),
    '```',
  ].join('\n');
}

function attribute({ type, name, keys }: Column): string {
  return `    ${type} ${name}${keys.length > 0 ? ` ${keys.join(', ')}` : ''}`;
}

function relationship({ parent, child, columns, optional, unique }: Reference): string {
  return `  "${parent}" ${optional ? '|o' : '||'}--${unique ? 'o|' : 'o{'} "${child}" : "${columns}"`;
}
