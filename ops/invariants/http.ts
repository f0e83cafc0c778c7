import type { Check, HttpRequestOf, Values } from '../../migrations/invariants/checks';
import { basicAuthorization, http } from '../../migrations/targets/http-client';
import { endpointOf, type StoreAddress } from '../stores';
import { ANSWER_WITHIN_MS, type Asker } from './asker';

const PAGE = 1000;

type HttpStore = 'elasticsearch' | 'qdrant' | 'chroma';

/** How each store is logged in to. */
const headers: Readonly<
  Record<HttpStore, (credential: StoreAddress['credential']) => Record<string, string>>
> = {
  elasticsearch: (credential) => ({
    authorization: basicAuthorization(credential('username'), credential('password')),
  }),
  qdrant: (credential) => ({ 'api-key': credential('readOnlyApiKey') }),
  chroma: (credential) => ({ authorization: `Bearer ${credential('token')}` }),
};

/** Asks a store with a REST API; which requests are possible, the format of the files says. */
export class HttpAsker implements Asker {
  private readonly headers: Record<string, string>;

  constructor(
    private readonly store: HttpStore,
    private readonly address: StoreAddress,
  ) {
    this.headers = { ...headers[store](address.credential), 'content-type': 'application/json' };
  }

  async answer(request: Check['request']): Promise<unknown> {
    const { method, path, body } = request as HttpRequestOf;
    const answer = await http({
      tls: this.address.tls,
      ...{ method, headers: this.headers, timeoutMs: ANSWER_WITHIN_MS },
      url: `${endpointOf(this.address)}${path}`,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return JSON.parse(answer);
  }

  /** A field of the payload of every point. */
  async values(source: Exclude<Values, { query: string }>): Promise<Iterable<string>> {
    if (source.store !== 'qdrant') throw new Error(`${this.store} gives no values to compare.`);
    const { collection, payload } = source;
    const path = `/collections/${collection}/points/scroll`;
    const found = new Set<string>();
    let offset: unknown = null;
    do {
      const body = { limit: PAGE, with_payload: [payload], with_vector: false, offset };
      const page = (await this.answer({ method: 'POST', path, body })) as {
        result: { points: { payload?: Record<string, unknown> }[]; next_page_offset?: unknown };
      };
      for (const point of page.result.points) {
        const value = point.payload?.[payload];
        if (value !== undefined) found.add(String(value));
      }
      offset = page.result.next_page_offset ?? null;
    } while (offset !== null);
    return found;
  }

  async close(): Promise<void> {
    // Every request has a connection of its own.
  }
}
