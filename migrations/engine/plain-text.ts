/** Reads text that anybody may have written in a pull request: nothing but small files of characters that a review shows. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** Largest change or seed file, in bytes. */
export const MAX_FILE_BYTES = 2 ** 23;

/** A file that is refused before its format is looked at. */
export class PlainTextError extends Error {
  constructor(
    /** What is wrong, as the end of a sentence that starts with the file name. */
    readonly what: string,
    readonly fix: string,
  ) {
    super(`${what}. ${fix}`);
    this.name = 'PlainTextError';
  }
}

/**
 * Text of a file: UTF-8 without byte order mark, line endings LF.
 * @throws PlainTextError for a symbolic link or anything else that is no file, one that is too large, other encodings, and
 * characters that terminals and reviews do not show.
 */
export function readPlainText(path: string): string {
  const text = decoded(readPlainFile(path)).replace(/\r\n?/g, '\n');
  const hidden = HIDDEN.exec(text);
  if (hidden) {
    const code = hidden[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    const line = text.slice(0, hidden.index).split('\n').length;
    throw new PlainTextError(
      `has the invisible character U+${code} on line ${line}, which can hide what a review or a preview shows`,
      'Remove it; where a string needs it, write an escape.',
    );
  }
  return text;
}

/**
 * Control characters but tab and line feed, which steer terminals; and those that reverse the order of text.
 * @see https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings
 */
const HIDDEN = /[\0-\x08\x0B-\x1F\x7F-\x9F\u202A-\u202E\u2066-\u2069]/;

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PlainTextError(
      `cannot be read as UTF-8 text: ${(error as Error).message}`,
      'Save it as a UTF-8 file.',
    );
  }
}

/** Opens without following a link or waiting for a pipe's writer, and looks at what was opened, not at the name again. */
function readPlainFile(path: string): Buffer {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  let file: number;
  try {
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === 'ELOOP'
      ? new PlainTextError('is a symbolic link', 'Put the file itself there.')
      : new PlainTextError(`cannot be opened: ${message}`, 'Correct its permissions, or remove it.');
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new PlainTextError('is no ordinary file', 'Remove it.');
    if (stat.size > MAX_FILE_BYTES) {
      throw new PlainTextError(
        `has ${stat.size} bytes, more than the ${MAX_FILE_BYTES} that a file may have`,
        'Split it, or load bulk data with the store’s own tools.',
      );
    }
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
