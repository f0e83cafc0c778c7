/* eslint-disable @typescript-eslint/no-require-imports -- a store's libraries are loaded only when it is used */
import type { ChangeFormat } from './engine/change-files';
import type { MigrationTarget } from './engine/target';

/** How to open a store's migration target. */
export interface TargetOptions {
  readonly host: string;
  readonly port: number;
  /** Folder under `migrations/<store>/`: a database where the store has them, else the name of its history. */
  readonly database: string;
  /** A value of the store's credentials Secret. @throws StoreAccessError naming the key and the Secret when it is missing. */
  credential(key: string): string;
  /** Omitted means a connection without TLS. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
  /** Where the store's single nodes can be reached, by pod name; omitted means at the names they have for each other. */
  readonly nodes?: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  /** Who connects, shown to other runners. */
  readonly holder: string;
}

interface StoreDefinition {
  /** Of its change files; known without loading their parser. */
  readonly extension: string;
  format(): ChangeFormat;
  open(options: TargetOptions): Promise<MigrationTarget> | MigrationTarget;
}

const definitions = {
  postgres: {
    extension: 'sql',
    format: () =>
      (require('./targets/postgres/format') as typeof import('./targets/postgres/format')).sqlFormat,
    open: ({ credential, ...options }) => {
      const { PostgresTarget } =
        require('./targets/postgres/target') as typeof import('./targets/postgres/target');
      return PostgresTarget.connect({
        ...options,
        user: credential('username'),
        password: credential('password'),
      });
    },
  },
  minio: {
    extension: 'json',
    format: () => (require('./targets/minio/format') as typeof import('./targets/minio/format')).minioFormat,
    open: ({ host, port, database, tls, credential }) => {
      const { minioTarget } = require('./targets/minio/store') as typeof import('./targets/minio/store');
      return minioTarget({
        endpoint: `${tls ? 'https' : 'http'}://${host}:${port}`,
        accessKey: credential('accessKey'),
        secretKey: credential('secretKey'),
        database,
        tls,
      });
    },
  },
  redis: {
    extension: 'json',
    format: () => (require('./targets/redis/format') as typeof import('./targets/redis/format')).redisFormat,
    open: ({ host, port, nodes, database, tls, credential }) => {
      const { redisTarget } = require('./targets/redis/store') as typeof import('./targets/redis/store');
      const [user, password] = [credential('username'), credential('password')];
      return redisTarget({ host, port, user, password, nodes, tls }, database);
    },
  },
  neo4j: {
    extension: 'cypher',
    format: () => (require('./targets/neo4j/format') as typeof import('./targets/neo4j/format')).cypherFormat,
    open: ({ host, port, database, tls, credential }) => {
      const { neo4jTarget } = require('./targets/neo4j/store') as typeof import('./targets/neo4j/store');
      return neo4jTarget({
        host,
        port,
        user: credential('username'),
        password: credential('password'),
        database,
        tls,
      });
    },
  },
  oxigraph: {
    extension: 'sparql',
    format: () =>
      (require('./targets/oxigraph/format') as typeof import('./targets/oxigraph/format')).sparqlFormat,
    open: ({ host, port, database, tls, credential }) => {
      const { OxigraphTarget } =
        require('./targets/oxigraph/target') as typeof import('./targets/oxigraph/target');
      return new OxigraphTarget({
        endpoint: `${tls ? 'https' : 'http'}://${host}:${port}`,
        user: credential('username'),
        password: credential('password'),
        database,
        tls,
      });
    },
  },
  qdrant: {
    extension: 'json',
    format: () =>
      (require('./targets/qdrant/format') as typeof import('./targets/qdrant/format')).qdrantFormat,
    open: ({ host, port, database, tls, credential }) => {
      const { qdrantTarget } = require('./targets/qdrant/store') as typeof import('./targets/qdrant/store');
      return qdrantTarget({ host, port, apiKey: credential('apiKey'), database, tls });
    },
  },
  chroma: {
    extension: 'json',
    format: () =>
      (require('./targets/chroma/format') as typeof import('./targets/chroma/format')).chromaFormat,
    open: ({ host, port, database, tls, credential }) => {
      const { chromaTarget } = require('./targets/chroma/store') as typeof import('./targets/chroma/store');
      return chromaTarget({
        endpoint: `${tls ? 'https' : 'http'}://${host}:${port}`,
        token: credential('token'),
        database,
        tls,
      });
    },
  },
  elasticsearch: {
    extension: 'json',
    format: () =>
      (require('./targets/elasticsearch/format') as typeof import('./targets/elasticsearch/format'))
        .elasticsearchFormat,
    open: ({ host, port, database, tls, credential }) => {
      const { elasticsearchTarget } =
        require('./targets/elasticsearch/store') as typeof import('./targets/elasticsearch/store');
      return elasticsearchTarget({
        endpoint: `${tls ? 'https' : 'http'}://${host}:${port}`,
        username: credential('username'),
        password: credential('password'),
        database,
        tls,
      });
    },
  },
} satisfies Record<string, StoreDefinition>;

/** Stores that have change files, as named under `migrations/`. */
export type StoreName = keyof typeof definitions;

/** Every store that has change files. */
export const storeNames = Object.keys(definitions) as StoreName[];

/** How the change files of a store are written; the parser is loaded when it is first used. */
export function changeFormat(store: StoreName): ChangeFormat {
  const { extension, format }: StoreDefinition = definitions[store];
  return {
    extension,
    get terminator() {
      return format().terminator;
    },
    parse: (text, values) => format().parse(text, values),
    get check() {
      return format().check;
    },
    get parseSeed() {
      return format().parseSeed;
    },
  };
}

/** Opens a connection to a store; it is closed with the target. */
export async function openTarget(store: StoreName, options: TargetOptions): Promise<MigrationTarget> {
  return definitions[store].open(options);
}

/**
 * Folder of a database's change files, relative to the project.
 * @throws Error when the name could lead out of `migrations/<store>/`.
 */
export function changeFolder(store: StoreName, database: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(database))
    throw new Error(
      `A database name has at most 63 letters, digits, "_" and "-", got ${JSON.stringify(database)}.`,
    );
  return `migrations/${store}/${database}`;
}
