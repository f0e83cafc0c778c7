import { QdrantClient } from '@qdrant/js-client-rest';

/** How to reach a Qdrant server. */
export interface QdrantAccess {
  /** URL such as `http://127.0.0.1:6333`. */
  readonly url: string;
  readonly apiKey: string;
}

const REQUEST_TIMEOUT_MS = 30_000;

/** A client of Qdrant's REST API. */
export function qdrantClient({ url, apiKey }: QdrantAccess): QdrantClient {
  // As a header of ours: given as `apiKey`, each client would print a warning about plain HTTP, also through a tunnel.
  const headers = { 'api-key': apiKey };
  return new QdrantClient({ url, headers, timeout: REQUEST_TIMEOUT_MS, checkCompatibility: false });
}

/** An error of Qdrant or on the way to it. */
export class QdrantError extends Error {
  /** Where `isUnreachable` looks for the HTTP status. */
  readonly $metadata: { readonly httpStatusCode?: number };

  constructor(
    message: string,
    /** HTTP status; undefined when there was no answer. */
    readonly status: number | undefined,
    /** System error such as `ECONNREFUSED`. */
    readonly code: string | undefined,
    options: { cause: unknown },
  ) {
    super(message, options);
    this.$metadata = status === undefined ? {} : { httpStatusCode: status };
  }
}

/**
 * Waits for an answer of the client, whose own errors name neither what Qdrant said nor why it was not reached.
 * @throws QdrantError
 */
export async function answer<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw qdrantError(error as ClientError);
  }
}

interface ClientError extends Error {
  readonly status?: number;
  readonly data?: string | { readonly status?: { readonly error?: string } };
  readonly cause?: { readonly code?: string; readonly message?: string };
}

function qdrantError(error: ClientError): QdrantError {
  const { status, data, cause } = error;
  if (status !== undefined) {
    const said = typeof data === 'string' ? data : data?.status?.error;
    return new QdrantError(said || error.message, status, undefined, { cause: error });
  }
  if (error.name === 'QdrantClientTimeoutError') {
    const message = `Qdrant did not answer within ${REQUEST_TIMEOUT_MS / 1000} s.`;
    return new QdrantError(message, undefined, 'ETIMEDOUT', { cause: error });
  }
  return new QdrantError(cause?.message || cause?.code || error.message, undefined, cause?.code, {
    cause: error,
  });
}

/** What a request found, or undefined where Qdrant says that it does not exist. */
export async function ifFound<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await answer(request);
  } catch (error) {
    if ((error as QdrantError).status === 404) return undefined;
    throw error;
  }
}
