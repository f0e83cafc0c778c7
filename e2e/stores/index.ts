import { chromaCase } from './chroma';
import { elasticsearchCase } from './elasticsearch';
import { neo4jCase } from './neo4j';
import { oxigraphCase } from './oxigraph';
import { qdrantCase } from './qdrant';
import { redisCase } from './redis';
import type { StoreCase } from './store-case';

/** The stores whose pods are killed one after the other; PostgreSQL and the Sentinel failover have tests of their own. */
export const storeCases: readonly StoreCase[] = [
  neo4jCase,
  oxigraphCase,
  elasticsearchCase,
  qdrantCase,
  chromaCase,
  redisCase,
];
