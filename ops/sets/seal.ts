/** Files of a set that carry a checksum of their own: it tells faults, and is no defence against forgery. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../migrations/engine/canonical-json';

/** Text of some JSON with its seal. */
export function sealedText(body: object): string {
  return `${JSON.stringify({ ...body, seal: createHash('sha256').update(canonicalJson(body)).digest('hex') }, null, 2)}\n`;
}

/**
 * What {@link sealedText} was given; undefined when a single byte of the text is another.
 * @throws SyntaxError when it is no JSON.
 */
export function unsealed(text: string): object | undefined {
  const { seal: _, ...body } = (JSON.parse(text) ?? {}) as { seal?: unknown };
  return sealedText(body) === text ? body : undefined;
}
