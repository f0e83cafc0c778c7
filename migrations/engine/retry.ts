import {
  ExponentialBackoff,
  handleWhen,
  type IPolicy,
  retry,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import { KubernetesError } from '../kubernetes/cluster';

const TRANSIENT_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENOTFOUND',
  // PostgreSQL: shutting down, crashed, starting up, too many connections, connection lost.
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '08006',
  // Neo4j: no server there, connection lost, database not started yet.
  'ServiceUnavailable',
  'SessionExpired',
  'Neo.TransientError.General.DatabaseUnavailable',
]);
/** Elasticsearch's client gives its connection errors names only. */
const TRANSIENT_NAMES = new Set(['ConnectionError', 'NoLivingConnectionsError', 'TimeoutError']);
const TRANSIENT_MESSAGES =
  /connection terminated|socket (hang up|disconnected)|timeout expired|network socket/i;

/** Whether an error says that the store cannot be reached now, as opposed to refusing what was asked. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof KubernetesError) {
    return error.status === 0 ? error.reason !== 'NoContext' : error.status === 429 || error.status >= 500;
  }
  const { code, name, message, statusCode, $metadata } = error as {
    code?: string;
    name?: string;
    /** Elasticsearch. */
    statusCode?: number;
    message?: string;
    /** S3. */
    $metadata?: { httpStatusCode?: number };
  };
  return (
    TRANSIENT_CODES.has(code ?? '') ||
    TRANSIENT_NAMES.has(name ?? '') ||
    TRANSIENT_MESSAGES.test(message ?? '') ||
    ($metadata?.httpStatusCode ?? statusCode ?? 0) >= 500
  );
}

/**
 * Policy for reaching a store: tries again with exponential back-off (0.2 s to 3 s, jittered) while the store cannot be reached.
 * @param budgetMs time for all attempts together.
 */
export function connectPolicy(budgetMs: number): IPolicy {
  return wrap(
    timeout(budgetMs, TimeoutStrategy.Cooperative),
    retry(handleWhen(isUnreachable), {
      maxAttempts: Number.MAX_SAFE_INTEGER,
      backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 3_000 }),
    }),
  );
}
