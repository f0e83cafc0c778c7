import { LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { type ChangeFormat, MalformedChangeError, type ParsedChange } from './change-files';
import type { Statement } from './target';

/** The JSON change format: `{description, up: [operation], down: [operation]}` with the operations of one store. */
export function jsonFormat(operation: z.ZodType<{ operation: string }>): ChangeFormat {
  const schema = z.strictObject({
    description: z.string().trim().min(1),
    destructive: z.string().trim().min(1).optional(),
    up: z.array(operation).min(1),
    down: z.array(operation).min(1),
  });
  return { extension: 'json', terminator: '', parse: (text) => parseJsonChange(text, schema) };
}

function parseJsonChange(
  text: string,
  schema: z.ZodType<{ destructive?: string; up: object[]; down: object[] }>,
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
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
    );
    throw new MalformedChangeError(
      `has operations that are not valid (${faults.join('; ')})`,
      'See docs/migration-format.md for the operations of this store.',
    );
  }
  const statements = (section: 'up' | 'down'): Statement[] =>
    parsed.data[section].map((operation, index) => ({
      text: JSON.stringify(operation),
      line: lines.linePos((document.getIn([section, index], true) as Node).range![0]).line,
    }));
  const { destructive, down } = parsed.data;
  return {
    transaction: true,
    up: statements('up'),
    down: statements('down'),
    rollback: JSON.stringify(down),
    ...(destructive === undefined ? {} : { destructive }),
  };
}
