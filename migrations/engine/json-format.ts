import { LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { type ChangeFormat, MalformedChangeError, type ParsedChange } from './change-files';
import { assertDeclared, filledIn, parameterName } from './parameters';
import type { Parameters, Statement } from './target';

type Schema = z.ZodType<{ destructive?: string; up: object[]; down: object[] }>;

/** Kind and name of the object that an operation defines or deletes. */
type ObjectOf<Operation> = (operation: Operation) => string;

/**
 * The JSON change format: `{description, up: [operation], down: [operation]}` with the operations of one store.
 * @param objectOf Given where files may have `parameters`, so that a new value is not put over a later definition.
 */
export function jsonFormat<Operation extends { operation: string }>(
  operation: z.ZodType<Operation>,
  objectOf?: ObjectOf<Operation>,
): ChangeFormat {
  const schema = z.strictObject({
    description: z.string().trim().min(1),
    destructive: z.string().trim().min(1).optional(),
    up: z.array(operation).min(1),
    down: z.array(operation).min(1),
    ...(objectOf
      ? { parameters: z.record(z.string().regex(parameterName), z.string().min(1)).optional() }
      : {}),
  });
  return {
    extension: 'json',
    terminator: '',
    parse: (text, values) => parseJsonChange(text, schema, values ?? {}, objectOf as ObjectOf<object>),
  };
}

function parseJsonChange(
  text: string,
  schema: Schema,
  given: Parameters,
  objectOf: ObjectOf<object> | undefined,
): ParsedChange {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedChangeError(`is not JSON: ${(error as Error).message}`, 'Correct its syntax.');
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors[0]) {
    throw new MalformedChangeError(`has a fault: ${document.errors[0].message}`, 'Correct its syntax.');
  }
  const filled = objectOf ? fillIn(value, given) : { value };
  const parsed = schema.safeParse(filled.value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
    );
    throw new MalformedChangeError(
      `has operations that are not valid (${faults.join('; ')}${withValues(filled.parameters)})`,
      'See docs/migration-format.md for the operations of this store.',
    );
  }
  const statements = (section: 'up' | 'down'): Statement[] =>
    parsed.data[section].map((operation, index) => ({
      text: JSON.stringify(operation),
      line: lines.linePos((document.getIn([section, index], true) as Node).range![0]).line,
      ...(objectOf ? { defines: objectOf(operation) } : {}),
      ...(filled.parameterised?.(section, index) ? { parameterised: true as const } : {}),
    }));
  const { destructive, down } = parsed.data;
  return {
    transaction: true,
    up: statements('up'),
    down: statements('down'),
    rollback: JSON.stringify(down),
    ...(destructive === undefined ? {} : { destructive }),
    ...(filled.parameters ? { parameters: filled.parameters } : {}),
  };
}

interface Filled {
  readonly value: unknown;
  /** The values in use; absent when the file declares no parameters. */
  readonly parameters?: Parameters;
  readonly parameterised?: (section: 'up' | 'down', index: number) => boolean;
}

/** Puts the given values, else the file's defaults, into the operations of a file that declares parameters. */
function fillIn(value: unknown, given: Parameters): Filled {
  const { parameters: declared, ...file } = (value ?? {}) as { parameters?: unknown; up?: unknown };
  if (typeof declared !== 'object' || declared === null) return { value };
  const names = Object.keys(declared);
  const parameters = Object.fromEntries(
    names.map((name) => [name, given[name] ?? (declared as Record<string, string>)[name]!]),
  );
  const used = new Set<string>();
  const filled = filledIn(file, parameters, (name) => used.add(name)) as object;
  assertDeclared(names, used);
  const parameterised = (section: 'up' | 'down', index: number) => {
    const operations = (file as Record<string, unknown[]>)[section]!;
    let found = false;
    filledIn(operations[index], parameters, () => (found = true));
    return found;
  };
  return { value: { ...filled, parameters: declared }, parameters, parameterised };
}

function withValues(parameters: Parameters | undefined): string {
  if (!parameters) return '';
  const values = Object.entries(parameters).map(([name, value]) => `${name} = ${value}`);
  return `; the parameters are ${values.join(', ')}`;
}
