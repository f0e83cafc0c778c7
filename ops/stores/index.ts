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

/**
 * PostgreSQL after the stores that follow it, so that none of them holds what it does not; MinIO and Vault after that, so that they
 * have every object and key that PostgreSQL names.
 */
const drivers = {
  redis: ({ host, port, nodes, database, tls, credential }) => {
    const { RedisDriver } = require('./redis') as typeof import('./redis');
    const [user, password] = [credential('username'), credential('password')];
    return new RedisDriver({ host, port, user, password, nodes, tls, database });
  },
  neo4j: ({ host, port, tls, credential }) => {
    const { Neo4jDriver } = require('./neo4j') as typeof import('./neo4j');
    const [user, password] = [credential('username'), credential('password')];
    return new Neo4jDriver({ host, port, user, password, tls });
  },
  oxigraph: (address) => {
    const { OxigraphDriver } = require('./oxigraph') as typeof import('./oxigraph');
    const [user, password] = [address.credential('username'), address.credential('password')];
    return new OxigraphDriver({ endpoint: endpointOf(address), user, password, tls: address.tls });
  },
  elasticsearch: (address) => {
    const { ElasticsearchDriver } = require('./elasticsearch') as typeof import('./elasticsearch');
    const [user, password] = [address.credential('username'), address.credential('password')];
    return new ElasticsearchDriver({ endpoint: endpointOf(address), user, password, tls: address.tls });
  },
  qdrant: (address) => {
    const { QdrantDriver } = require('./qdrant') as typeof import('./qdrant');
    const apiKey = address.credential('apiKey');
    return new QdrantDriver({ endpoint: endpointOf(address), apiKey, tls: address.tls });
  },
  chroma: (address) => {
    const { ChromaDriver } = require('./chroma') as typeof import('./chroma');
    const token = address.credential('token');
    return new ChromaDriver({ endpoint: endpointOf(address), token, tls: address.tls });
  },
  postgres: ({ host, port, database, tls, credential }) => {
    const { PostgresDriver } = require('./postgres') as typeof import('./postgres');
    const [user, password] = [credential('username'), credential('password')];
    return new PostgresDriver({ host, port, database, user, password, tls });
  },
  minio: (address) => {
    const { MinioDriver } = require('./minio') as typeof import('./minio');
    const [accessKey, secretKey] = [address.credential('accessKey'), address.credential('secretKey')];
    return new MinioDriver({ endpoint: endpointOf(address), accessKey, secretKey, tls: address.tls });
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

/** Stores whose copies anybody can restore into an empty server: that of Vault needs its keys. */
export type DrilledStore = Exclude<BackupStore, 'vault'>;

/** Which of some stores a drill restores. */
export function drilled(stores: readonly string[]): DrilledStore[] {
  return stores.filter((store): store is DrilledStore => store !== 'vault');
}

/** Every store that a drill restores. */
export const drilledStores = drilled(backupStores);

/** Stores that hold nothing that comes from PostgreSQL's outbox. */
const independent: readonly string[] = ['postgres', 'minio', 'vault'];

/** Whether a store may follow PostgreSQL's outbox. */
export function mayFollow(store: string): boolean {
  return !independent.includes(store);
}

/** Stores in the order they are copied in. */
export function inCopyOrder(stores: readonly BackupStore[]): BackupStore[] {
  return backupStores.filter((store) => stores.includes(store));
}

/** The driver of a store; connects when it is used. */
export function openDriver(store: BackupStore, address: StoreAddress): StoreDriver {
  return (drivers as Record<string, (address: StoreAddress) => StoreDriver>)[store]!(address);
}

/** URL of a store with an HTTP API. */
export function endpointOf({ host, port, tls }: Pick<StoreAddress, 'host' | 'port' | 'tls'>): string {
  return `${tls ? 'https' : 'http'}://${host}:${port}`;
}
