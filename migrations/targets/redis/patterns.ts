/** Patterns of key and channel names: literal segments and `{placeholder}` segments, joined by `:`. */

const LITERAL = /^[a-z][a-z0-9_-]*$/;
const PLACEHOLDER = /^\{[a-z][a-z0-9_]*\}$/;
/** First segment of what the migrations keep for themselves. */
const RESERVED = 'schema';

/** What is wrong with a pattern, with the fix; undefined when nothing is. */
export function patternFault(pattern: string): string | undefined {
  const segments = pattern.split(':');
  const [first = ''] = segments;
  if (!LITERAL.test(first))
    return 'it must start with a literal segment such as session, which is its prefix';
  if (first === RESERVED) return `the prefix ${RESERVED} belongs to the migrations; choose another one`;
  const odd = segments.find((segment) => !LITERAL.test(segment) && !PLACEHOLDER.test(segment));
  if (odd === undefined) return undefined;
  return `"${odd}" is neither a literal (a-z, 0-9, "_", "-") nor a placeholder such as {user_id}`;
}

/** Whether a pattern names exactly one key or channel. */
export function isLiteral(pattern: string): boolean {
  return !pattern.includes('{');
}

/**
 * The pattern as Redis writes it in ACL rules and in MATCH.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/#key-permissions
 */
export function glob(pattern: string): string {
  return pattern.replace(/\{[^}]*\}/g, '*');
}

/** Tells which keys fit a pattern; a placeholder stands for one or more characters other than `:`. */
export function matcher(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/\{[^}]*\}/g, '[^:]+')}$`);
}

/** Whether any name fits both patterns as the ACL sees them, where a placeholder may hold `:` too. */
export function overlap(a: string, b: string): boolean {
  return globsMeet(glob(a), glob(b));
}

function globsMeet(a: string, b: string): boolean {
  // One row per place in b: whether the rest of a read so far and b up to there can be the same text.
  let row = startRow(b);
  for (const left of a) {
    const next = [left === '*' && row[0]!];
    for (let i = 0; i < b.length; i++) {
      const right = b[i]!;
      const skips =
        (left === '*' && (next[i]! || row[i + 1]!)) || (right === '*' && (next[i]! || row[i + 1]!));
      next.push(skips || (left === right && row[i]!));
    }
    row = next;
  }
  return row[b.length]!;
}

/** Which beginnings of a glob fit the empty text. */
function startRow(b: string): boolean[] {
  const row = [true];
  for (const right of b) row.push(row.at(-1)! && right === '*');
  return row;
}
