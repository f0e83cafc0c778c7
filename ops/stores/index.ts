/* eslint-disable @typescript-eslint/no-require-imports -- a store's libraries are loaded only when it is used */
import type { StoreDriver } from './driver';

/** Where a store is and how to log in to it. */
export interface StoreAddress {
  readonly host: string;
  readonly port: number;
  /** A value of the store's credentials Secret. @throws Error naming the key when it is missing. */
  credential(key: string): string;
  /** Omitted means a connection without TLS. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
  /** Where the store's single nodes can be reached, by pod name; omitted means at the names they have for each other. */
  readonly nodes?: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  /** Database, where the store has them. */
  readonly database: string;
}

const drivers = {
  postgres: ({ host, port, database, tls, credential }) => {
    const { PostgresDriver } = require('./postgres') as typeof import('./postgres');
    const [user, password] = [credential('username'), credential('password')];
    return new PostgresDriver({ host, port, database, user, password, tls });
  },
  redis: ({ host, port, nodes, database, tls, credential }) => {
    const { RedisDriver } = require('./redis') as typeof import('./redis');
    const [user, password] = [credential('username'), credential('password')];
    return new RedisDriver({ host, port, user, password, nodes, tls, database });
  },
  oxigraph: (address) => {
    const { OxigraphDriver } = require('./oxigraph') as typeof import('./oxigraph');
    const [user, password] = [address.credential('username'), address.credential('password')];
    return new OxigraphDriver({ endpoint: endpointOf(address), user, password, tls: address.tls });
  },
  chroma: (address) => {
    const { ChromaDriver } = require('./chroma') as typeof import('./chroma');
    const token = address.credential('token');
    return new ChromaDriver({ endpoint: endpointOf(address), token, tls: address.tls });
  },
  qdrant: (address) => {
    const { QdrantDriver } = require('./qdrant') as typeof import('./qdrant');
    const apiKey = address.credential('apiKey');
    return new QdrantDriver({ endpoint: endpointOf(address), apiKey, tls: address.tls });
  },
  minio: (address) => {
    const { MinioDriver } = require('./minio') as typeof import('./minio');
    const [accessKey, secretKey] = [address.credential('accessKey'), address.credential('secretKey')];
    return new MinioDriver({ endpoint: endpointOf(address), accessKey, secretKey, tls: address.tls });
  },
  neo4j: ({ host, port, tls, credential }) => {
    const { Neo4jDriver } = require('./neo4j') as typeof import('./neo4j');
    const [user, password] = [credential('username'), credential('password')];
    return new Neo4jDriver({ host, port, user, password, tls });
  },
  elasticsearch: (address) => {
    const { ElasticsearchDriver } = require('./elasticsearch') as typeof import('./elasticsearch');
    const [user, password] = [address.credential('username'), address.credential('password')];
    return new ElasticsearchDriver({ endpoint: endpointOf(address), user, password, tls: address.tls });
  },
  vault: ({ host, port, nodes, tls, credential }) => {
    const { VaultDriver } = require('./vault') as typeof import('./vault');
    const login = { jwt: () => credential('token') };
    return new VaultDriver({ host, port, nodes, tls: tls!, login, unsealKey: () => credential('unsealKey') });
  },
} satisfies Record<string, (address: StoreAddress) => StoreDriver>;

/** Stores that can be backed up. */
export type BackupStore = keyof typeof drivers;

/** Every store that can be backed up, in the order they are copied in. */
export const backupStores = Object.keys(drivers) as BackupStore[];

/** The driver of a store; connects when it is used. */
export function openDriver(store: BackupStore, address: StoreAddress): StoreDriver {
  return (drivers as Record<string, (address: StoreAddress) => StoreDriver>)[store]!(address);
}

function endpointOf({ host, port, tls }: Pick<StoreAddress, 'host' | 'port' | 'tls'>): string {
  return `${tls ? 'https' : 'http'}://${host}:${port}`;
}
