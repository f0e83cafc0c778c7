import assert from 'node:assert/strict';
import { http, HttpError, type HttpRequest } from '../../migrations/targets/http-client';
import { projectCollection } from '../../migrations/targets/chroma/names';
import type { ChromaOutputs } from '../../stacks/stores/chroma';
import type { StoreCase, StoreProbe } from './store-case';

const DEADLINE_MS = 3_000;

/** Chroma as an application uses it: over its API, with its token. */
export const chromaCase: StoreCase = {
  store: 'chroma',
  mayLose: false,
  victim: () => Promise.resolve('chroma-0'),
  async open(outputs, credentials) {
    const { chroma } = outputs as { chroma: Omit<ChromaOutputs, 'tls'> & { tls: { ca: string } } };
    const { url, host, tenant, database, tls, credentials: secrets } = chroma;
    const tokenOf = async (role: keyof ChromaOutputs['credentials']) => {
      const { token = '' } = await credentials(secrets[role]);
      return token;
    };
    const [token, readonly] = [await tokenOf('app'), await tokenOf('readonly')];
    const root = `${url}/api/v2/tenants/${tenant}/databases`;
    const send: Send = async (method, path, body, authorization = `Bearer ${token}`) => {
      const headers = { authorization, 'content-type': 'application/json' };
      const request = {
        method,
        url: root + path,
        tls: { ca: tls.ca, serverName: host },
        headers,
        body: body && JSON.stringify(body),
        timeoutMs: DEADLINE_MS,
      };
      return JSON.parse(await http(request)) as unknown;
    };
    const name = projectCollection('e2e', 'documents');
    const collections = `/${database}/collections`;
    const { id } = (await send('POST', collections, { name, get_or_create: true })) as { id: string };
    return probe(send, collections, id, `Bearer ${readonly}`);
  },
};

type Send = (
  method: HttpRequest['method'],
  path: string,
  body?: object,
  authorization?: string,
) => Promise<unknown>;

function probe(send: Send, collections: string, id: string, readonly: string): StoreProbe {
  return {
    async write(record) {
      await send('POST', `${collections}/${id}/upsert`, { ids: [String(record)], embeddings: [[1, record]] });
    },
    async written() {
      const { ids } = (await send('POST', `${collections}/${id}/get`, { include: [] })) as { ids: string[] };
      return new Set(ids.map(Number));
    },
    async check() {
      await checkCollections(send, collections);
      await checkRights(send, collections, readonly);
    },
    close: () => Promise.resolve(),
  };
}

async function checkCollections(send: Send, collections: string): Promise<void> {
  const found = (await send('GET', collections)) as { name: string; dimension: number | null }[];
  const sizes = found.filter(({ name }) => !name.startsWith('project_'));
  assert.deepEqual(Object.fromEntries(sizes.map(({ name, dimension }) => [name, dimension])), {
    agent_capabilities: 1536,
    tool_descriptions: 1536,
    workflow_patterns: 1536,
    a2a_message_patterns: 768,
    collaboration_patterns: 768,
  });
}

async function checkRights(send: Send, collections: string, readonly: string): Promise<void> {
  assert.equal(await refusal(send('DELETE', `${collections}/tool_descriptions`)), 403);
  assert.equal(await refusal(send('GET', '/schema_migrations/collections')), 403);
  assert.equal(await refusal(send('GET', collections, undefined, 'Bearer wrong')), 401);
  await send('GET', collections, undefined, readonly);
  assert.equal(await refusal(send('POST', collections, { name: 'mine' }, readonly)), 403);
}

async function refusal(request: Promise<unknown>): Promise<number | undefined> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof HttpError ? error.status : undefined;
}
