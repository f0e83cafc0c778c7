/** HTTP as the stores without a client library need it. */
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { text as textOf } from 'node:stream/consumers';

/** An answer that is not a success, or no answer at all. */
export class HttpError extends Error {
  constructor(
    /** Undefined when there was no answer. */
    readonly status: number | undefined,
    message: string,
    /** As node:net names it; set when the store cannot be reached. */
    readonly code?: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'HttpError';
  }
}

/** One request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Default 30000. */
  readonly timeoutMs?: number;
  /** For `https` URLs. */
  readonly tls?: ServerIdentity;
}

/** Whom a client trusts over TLS. */
export interface ServerIdentity {
  /** PEM of the CA that signed the server's certificate. */
  readonly ca: string;
  /** Name that the certificate must be for. */
  readonly serverName: string;
}

const TIMEOUT_MS = 30_000;
/** What the proxy in front of a store answers while the store is away. */
const AWAY = new Set([502, 503, 504]);

/**
 * Sends a request and returns the text of its answer; a redirect is not followed.
 * @throws HttpError with the server's words, or with a `code` when the server cannot be reached.
 */
export async function http(request: HttpRequest): Promise<string> {
  const signal = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS);
  let answer: IncomingMessage;
  let text: string;
  try {
    answer = await send(request, signal);
    text = await textOf(answer);
  } catch (error) {
    throw unanswered(request.url, error as NodeJS.ErrnoException, signal);
  }
  const { statusCode = 0, statusMessage } = answer;
  if (statusCode >= 200 && statusCode < 300) return text;
  // The proxy in front of a store answers with a page.
  const page = answer.headers['content-type']?.startsWith('text/html');
  const message = (!page && text.trim()) || `${statusCode} ${statusMessage}`;
  throw new HttpError(statusCode, message, AWAY.has(statusCode) ? 'ECONNREFUSED' : undefined);
}

/** Not fetch, which cannot be given a CA. */
function send(
  { url, method, headers, body, tls }: HttpRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  // Node sends the body of a DELETE without its length, so that a server takes it for another request.
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const options = { method, headers: { ...headers, ...length }, signal };
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:')
      ? secureRequest(url, { ...options, ca: tls?.ca, servername: tls?.serverName })
      : plainRequest(url, options);
    request.on('response', resolve).on('error', reject).end(body);
  });
}

function unanswered(url: string, error: NodeJS.ErrnoException, signal: AbortSignal): HttpError {
  const code = signal.aborted ? 'ETIMEDOUT' : (error.code ?? 'ECONNRESET');
  const reason = signal.aborted ? 'the time is over' : error.message;
  return new HttpError(undefined, `${new URL(url).host} did not answer: ${reason}`, code, { cause: error });
}

/** Value of the Authorization header for a user and a password. */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
