import { chromaStore } from './chroma';
import { elasticsearchStore } from './elasticsearch';
import { minioStore } from './minio';
import { neo4jStore } from './neo4j';
import { oxigraphStore } from './oxigraph';
import { postgresStore } from './postgres';
import { qdrantStore } from './qdrant';
import { redisStore } from './redis';

/** Every store, by its name in the stack configuration and in the stack outputs. */
export const stores = {
  postgres: postgresStore,
  redis: redisStore,
  minio: minioStore,
  neo4j: neo4jStore,
  oxigraph: oxigraphStore,
  elasticsearch: elasticsearchStore,
  qdrant: qdrantStore,
  chroma: chromaStore,
} as const;

export type StoreKey = keyof typeof stores;

/** The settings of every store, with the defaults of the size filled in. */
export type StoreSettings = { readonly [Key in StoreKey]: (typeof stores)[Key]['sizes']['dev'] };
