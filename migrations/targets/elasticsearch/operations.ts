import { type Client, errors } from '@elastic/elasticsearch';
import { apis } from './apis';
import type { ElasticsearchOperation } from './format';

/** One request to the API. */
interface Call {
  readonly method: 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: Record<string, unknown>;
  readonly querystring?: Record<string, string>;
}

/**
 * Performs one operation; every operation can be repeated, so a change that stopped half-way is run again from its start.
 * `deleteIndex` and `deleteDataStream` refuse what still holds documents.
 */
export async function performElasticsearchOperation(
  client: Client,
  change: ElasticsearchOperation,
): Promise<void> {
  if (change.operation === 'deleteIndex' || change.operation === 'deleteDataStream') {
    await requireEmpty(client, change.name);
  }
  try {
    await client.transport.request(callOf(change));
  } catch (error) {
    if (!alreadyDone(change, error)) throw readable(error);
  }
}

function callOf(change: ElasticsearchOperation): Call {
  const { name } = change;
  const [, verb, kind] = /^(put|create|delete)(.*)$/.exec(change.operation)!;
  const method = verb === 'delete' ? 'DELETE' : 'PUT';
  const body = 'body' in change ? { body: change.body as Record<string, unknown> } : {};
  if (kind === 'Index') return { method, path: `/${name}`, ...body };
  if (kind === 'Alias')
    return { method, path: `/${(change as { index: string }).index}/_alias/${name}`, ...body };
  const call = { method, path: `${apis[kind as keyof typeof apis].path}/${name}`, ...body } as const;
  // A repository is checked when the first snapshot is taken: its storage may start after the change.
  return change.operation === 'putSnapshotRepository' ? { ...call, querystring: { verify: 'false' } } : call;
}

/** Whether the refusal says that there is nothing left to do. */
function alreadyDone({ operation }: ElasticsearchOperation, error: unknown): boolean {
  if (!(error instanceof errors.ResponseError)) return false;
  if (operation.startsWith('delete')) return error.statusCode === 404;
  if (operation === 'createIndex') return reason(error)?.type === 'resource_already_exists_exception';
  return operation === 'createDataStream' && /already exists/.test(reason(error)?.reason ?? '');
}

async function requireEmpty(client: Client, name: string): Promise<void> {
  const found = await client.count({ index: name, ignore_unavailable: true, allow_no_indices: true });
  if (found.count === 0) return;
  throw new Error(
    `"${name}" still holds ${found.count} documents; reindex them elsewhere or delete them before it is deleted.`,
  );
}

interface Reason {
  readonly type?: string;
  readonly reason?: string;
  readonly caused_by?: Reason;
}

function reason(error: errors.ResponseError): Reason | undefined {
  return (error.body as { error?: Reason } | undefined)?.error;
}

/** The server's words from the outermost to the innermost cause. */
function readable(error: unknown): unknown {
  if (!(error instanceof errors.ResponseError)) return error;
  const words: string[] = [];
  for (let cause = reason(error); cause; cause = cause.caused_by) {
    if (cause.reason && !words.some((said) => said.includes(cause!.reason!))) words.push(cause.reason);
  }
  return words.length > 0 ? new Error(words.join(': '), { cause: error }) : error;
}
