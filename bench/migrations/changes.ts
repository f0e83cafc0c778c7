/** One change as every tool gets it: the same statements, in that tool's file format. */
export interface BenchChange {
  /** From 1, without gaps. */
  readonly number: number;
  /** Lower-case words joined by `_`. */
  readonly name: string;
  /** Statements with their terminators. */
  readonly up: string;
  readonly down: string;
}

type Text = Pick<BenchChange, 'name' | 'up' | 'down'>;

/** A table, then an index, a column and a constraint of it: what the changes of a growing application look like. */
const steps: ((table: string) => Text)[] = [
  (table) => ({
    name: `create_${table}`,
    up: `CREATE TABLE public.${table} (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner_id   uuid NOT NULL,
  title      text NOT NULL CHECK (length(title) <= 200),
  body       jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.${table} IS 'What an agent''s user keeps; one row each.';
`,
    down: `DROP TABLE public.${table};\n`,
  }),
  (table) => ({
    name: `index_${table}`,
    up: `CREATE INDEX ${table}_owner_idx ON public.${table} (owner_id, created_at DESC);\n`,
    down: `DROP INDEX public.${table}_owner_idx;\n`,
  }),
  (table) => ({
    name: `add_state_to_${table}`,
    up: `ALTER TABLE public.${table} ADD COLUMN state text NOT NULL DEFAULT 'open';\n`,
    down: `ALTER TABLE public.${table} DROP COLUMN state;\n`,
  }),
  (table) => ({
    name: `check_state_of_${table}`,
    up: `ALTER TABLE public.${table} ADD CONSTRAINT ${table}_state_check CHECK (state IN ('open', 'closed'));\n`,
    down: `ALTER TABLE public.${table} DROP CONSTRAINT ${table}_state_check;\n`,
  }),
];

/** The given number of changes, always the same ones. */
export function benchChanges(count: number): BenchChange[] {
  return Array.from({ length: count }, (_, index) => {
    const table = `notes_${String(Math.floor(index / steps.length) + 1).padStart(3, '0')}`;
    return { number: index + 1, ...steps[index % steps.length]!(table) };
  });
}
