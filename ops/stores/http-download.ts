/** Answers that are too large for memory. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { HttpError, type ServerIdentity } from '../../migrations/targets/http-client';

/** One GET request. */
export interface DownloadRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For `https` URLs. */
  readonly tls?: ServerIdentity;
  /** How long the server may be silent; default 300000. */
  readonly silenceMs?: number;
}

/** An answer that is still under way; reading its body throws when it ends early. */
export interface Download {
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
}

const SILENCE_MS = 300_000;

/**
 * Begins to read an answer; a redirect is not followed.
 * @throws HttpError with the server's words, or with a `code` when the server cannot be reached.
 */
export async function download(request: DownloadRequest): Promise<Download> {
  const { url } = request;
  let answer: IncomingMessage;
  try {
    answer = await send(request);
  } catch (error) {
    const { message, code = 'ECONNRESET' } = error as NodeJS.ErrnoException;
    throw new HttpError(undefined, `${new URL(url).host} did not answer: ${message}`, code, { cause: error });
  }
  const { statusCode = 0, headers } = answer;
  if (statusCode === 200) return { headers, body: answer };
  const words = (await text(answer)).trim() || `${statusCode} ${answer.statusMessage}`;
  throw new HttpError(statusCode, words);
}

function send({ url, headers, tls, silenceMs = SILENCE_MS }: DownloadRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:')
      ? secureRequest(url, { headers, ca: tls?.ca, servername: tls?.serverName })
      : plainRequest(url, { headers });
    request.setTimeout(silenceMs, () =>
      request.destroy(new Error(`nothing came for ${silenceMs / 1000} seconds`)),
    );
    request.on('response', resolve).on('error', reject).end();
  });
}
