/* eslint-disable @typescript-eslint/no-require-imports -- a store's libraries are loaded only when it is used */
import type { DrilledStore, StoreAddress } from '../stores';
import type { Asker } from './asker';

const askers: Readonly<Record<DrilledStore, (address: StoreAddress) => Promise<Asker> | Asker>> = {
  postgres: (address) => (require('./postgres') as typeof import('./postgres')).PostgresAsker.open(address),
  redis: (address) => (require('./redis') as typeof import('./redis')).RedisAsker.open(address),
  oxigraph: (address) => new (require('./graphs') as typeof import('./graphs')).OxigraphAsker(address),
  neo4j: (address) => (require('./graphs') as typeof import('./graphs')).Neo4jAsker.open(address),
  minio: (address) => new (require('./minio') as typeof import('./minio')).MinioAsker(address),
  elasticsearch: (address) =>
    new (require('./http') as typeof import('./http')).HttpAsker('elasticsearch', address),
  qdrant: (address) => new (require('./http') as typeof import('./http')).HttpAsker('qdrant', address),
  chroma: (address) => new (require('./http') as typeof import('./http')).HttpAsker('chroma', address),
};

/** Opens what asks a store of the drill's own; the login is that of its administrator. */
export async function openAsker(store: DrilledStore, address: StoreAddress): Promise<Asker> {
  return askers[store](address);
}
