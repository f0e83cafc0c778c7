import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Milliseconds until a host that does not answer is taken for unreachable, as on a closed network. */
const CONNECT_MS = 4000;

/** A file could not be fetched at all: the caller may fall back on another source. */
export class Unreachable extends Error {}

const unreachableHosts = new Map<string, Promise<void>>();

/**
 * Asks a host once per run whether it answers.
 * @throws Unreachable when it does not, within 4 s.
 */
export function reach(url: string): Promise<void> {
  const { origin } = new URL(url);
  let known = unreachableHosts.get(origin);
  if (!known) {
    known = fetch(origin, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(CONNECT_MS),
    }).then(
      () => undefined,
      (error: Error) => {
        throw new Unreachable(`${origin} cannot be reached: ${cause(error)}.`);
      },
    );
    unreachableHosts.set(origin, known);
  }
  return known;
}

/**
 * Downloads a file and checks its SHA-256 before anybody sees it under its name.
 * @throws Unreachable when the host does not answer or has no such file; Error when the checksum differs.
 */
export async function download(url: string, sha256: string, file: string): Promise<void> {
  await reach(url);
  const response = await get(url);
  const partial = `${file}.part`;
  const digest = createHash('sha256');
  await pipeline(
    Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]),
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        digest.update(chunk);
        yield chunk;
      }
    },
    fs.createWriteStream(partial),
  );
  const actual = digest.digest('hex');
  if (actual !== sha256) {
    fs.rmSync(partial);
    throw new Error(`${url} has SHA-256 ${actual}, but its publisher lists ${sha256}.`);
  }
  fs.renameSync(partial, file);
}

/** SHA-256 of a file in a publisher's checksum list (`<hash>  <name>` per line, or the hash alone). */
export async function publishedChecksum(url: string, name: string): Promise<string> {
  await reach(url);
  const found = findChecksum(await (await get(url)).text(), name);
  if (!found) throw new Error(`${url} lists no SHA-256 for ${name}.`);
  return found;
}

/** Finds a file's hash in the text of a checksum list. */
export function findChecksum(list: string, name: string): string | undefined {
  for (const line of list.split('\n')) {
    const [hash, file] = line.trim().split(/\s+\*?/);
    if (hash && /^[a-f0-9]{64}$/i.test(hash) && (file === undefined || file.split('/').at(-1) === name))
      return hash.toLowerCase();
  }
  return undefined;
}

async function get(url: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new Unreachable(`${url} cannot be fetched: ${cause(error as Error)}.`);
  }
  if (!response.ok) throw new Unreachable(`${url} answered ${response.status} ${response.statusText}.`);
  return response;
}

function cause(error: Error): string {
  const inner = error.cause as { code?: string; message?: string } | undefined;
  return inner?.code ?? inner?.message ?? error.message;
}
