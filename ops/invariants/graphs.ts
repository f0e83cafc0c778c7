import neo4j from 'neo4j-driver';
import { openDriver, type OpenDriver } from '../../migrations/targets/neo4j/driver';
import { basicAuthorization, http } from '../../migrations/targets/http-client';
import { endpointOf, type StoreAddress } from '../stores';
import { ANSWER_WITHIN_MS, type Asker } from './asker';

/** Asks a Neo4j in transactions that the server lets read only. */
export class Neo4jAsker implements Asker {
  private constructor(private readonly opened: OpenDriver) {}

  static async open({ host, port, tls, credential }: StoreAddress): Promise<Neo4jAsker> {
    const [user, password] = [credential('username'), credential('password')];
    return new Neo4jAsker(await openDriver({ host, port, user, password, tls }));
  }

  async rows(query: string, most?: number): Promise<string[][]> {
    const session = this.opened.driver.session({ defaultAccessMode: neo4j.session.READ });
    try {
      const result = session.run(query, {}, { timeout: ANSWER_WITHIN_MS });
      const rows: string[][] = [];
      for await (const record of result) {
        rows.push(record.keys.map((key) => text(record.get(key))));
        if (rows.length === most) break;
      }
      return rows;
    } finally {
      await session.close();
    }
  }

  close(): Promise<void> {
    return this.opened.close();
  }
}

function text(value: unknown): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Asks an Oxigraph where it answers queries, which cannot update. */
export class OxigraphAsker implements Asker {
  constructor(private readonly address: StoreAddress) {}

  async rows(query: string, most?: number): Promise<string[][]> {
    const { tls, credential } = this.address;
    const answer = await http({
      tls,
      method: 'POST',
      url: `${endpointOf(this.address)}/query`,
      headers: {
        authorization: basicAuthorization(credential('username'), credential('password')),
        accept: 'application/sparql-results+json',
        'content-type': 'application/sparql-query',
      },
      body: query,
      timeoutMs: ANSWER_WITHIN_MS,
    });
    const { head, results } = JSON.parse(answer) as {
      head: { vars?: string[] };
      results?: { bindings: Record<string, { value: string }>[] };
    };
    if (!results) throw new Error('The query is none of SELECT: ask for what violates the invariant.');
    return results.bindings
      .slice(0, most)
      .map((binding) => (head.vars ?? []).map((name) => binding[name]?.value ?? ''));
  }

  async close(): Promise<void> {
    // Every request has a connection of its own.
  }
}
