/** HTTP as the stores without a client library need it. */

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
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Default 30000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
/** What the proxy in front of a store answers while the store is away. */
const AWAY = new Set([502, 503, 504]);

/**
 * Sends a request and returns the text of its answer.
 * @throws HttpError with the server's words, or with a `code` when the server cannot be reached.
 */
export async function http({ url, timeoutMs = TIMEOUT_MS, ...init }: HttpRequest): Promise<string> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    text = await answer.text();
  } catch (error) {
    throw unanswered(url, error as Error);
  }
  if (answer.ok) return text;
  // The proxy in front of a store answers with a page.
  const page = answer.headers.get('content-type')?.startsWith('text/html');
  const message = (!page && text.trim()) || `${answer.status} ${answer.statusText}`;
  throw new HttpError(answer.status, message, AWAY.has(answer.status) ? 'ECONNREFUSED' : undefined);
}

function unanswered(url: string, error: Error): HttpError {
  const cause = error.cause as { code?: string; message?: string } | undefined;
  const code = error.name === 'TimeoutError' ? 'ETIMEDOUT' : (cause?.code ?? 'ECONNRESET');
  const { host } = new URL(url);
  const known = code.startsWith('UND_ERR') ? 'ECONNRESET' : code;
  return new HttpError(undefined, `${host} did not answer: ${cause?.message ?? error.message}`, known, {
    cause: error,
  });
}

/** Value of the Authorization header for a user and a password. */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
