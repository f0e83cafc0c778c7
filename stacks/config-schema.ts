import { z } from 'zod';
import { backupsSchema } from './backups';
import { networkSchema } from './network-schema';
import { stores } from './stores';
import { dnsLabel } from './stores/fields';
import { tlsSchema } from './tls-schema';
import { vault } from './vault';

const provisioner = z
  .string()
  .regex(
    /^[a-z0-9.-]+(\/[A-Za-z0-9._-]+)?$/,
    'must be the name of a provisioner such as rancher.io/local-path',
  );

/** Shape of the stack configuration under the project's namespace; everything is optional except `size`, and unknown keys are errors. */
export const configSchema = z.strictObject({
  size: z
    .enum(['dev', 'prod'])
    .describe('Set of defaults: `dev` fits 2 cores and 6 GiB together, `prod` survives the loss of a node.'),
  namespace: dnsLabel.default('agent-data-platform').describe('Namespace that holds every store.'),
  kubeContext: z
    .string()
    .regex(/^\P{Cc}{1,253}$/u, 'must be the name of a context, one line of at most 253 characters')
    .optional()
    .describe('Context of the kubeconfig to deploy to; required for prod.'),
  preview: z
    .enum(['online', 'offline'])
    .default('online')
    .describe('`online` checks every object against the cluster; `offline` renders without one.'),
  operators: z
    .enum(['managed', 'existing'])
    .default('managed')
    .describe('`managed` installs the operators, `existing` uses those of the cluster.'),
  imageRegistry: z
    .string()
    .regex(
      /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*$/,
      'must be a registry host with an optional path, without scheme',
    )
    .optional()
    .describe('Where images built from source are pushed, such as `registry.example.com/team`.'),
  storage: z
    .union([z.strictObject({ className: dnsLabel }), z.strictObject({ provisioner })])
    .optional()
    .describe(
      '`{className}` of an existing StorageClass (reclaimPolicy Retain), or `{provisioner}` to declare one.',
    ),
  network: networkSchema.prefault({}).describe('Who may connect to whom, see below.'),
  tls: tlsSchema.prefault({}).describe('Certificates of the servers, see below.'),
  backups: backupsSchema.prefault({}).describe('Copies of the stores, see below and docs/backups.md.'),
  postgres: stores.postgres.schema.optional().describe('PostgreSQL, see below.'),
  redis: stores.redis.schema.optional().describe('Redis, see below.'),
  minio: stores.minio.schema.optional().describe('MinIO, see below.'),
  neo4j: stores.neo4j.schema.optional().describe('Neo4j, see below.'),
  oxigraph: stores.oxigraph.schema.optional().describe('Oxigraph, see below.'),
  elasticsearch: stores.elasticsearch.schema.optional().describe('Elasticsearch, see below.'),
  qdrant: stores.qdrant.schema.optional().describe('Qdrant, see below.'),
  chroma: stores.chroma.schema.optional().describe('Chroma, see below.'),
  vault: vault.schema.optional().describe('Vault, see below and docs/vault.md.'),
});

/** The stack configuration as written, checked but without the defaults of its size. */
export type StackConfig = z.infer<typeof configSchema>;
