/** Roles as the security API takes them, with the privileges that Elasticsearch knows. */
import { z } from 'zod';

/** @see https://www.elastic.co/docs/reference/elasticsearch/security-privileges#privileges-list-cluster */
const clusterPrivilege = z.enum([
  'cancel_task',
  'create_snapshot',
  'manage',
  'manage_data_stream_global_retention',
  'manage_ilm',
  'manage_index_templates',
  'manage_ingest_pipelines',
  'manage_pipeline',
  'manage_search_synonyms',
  'manage_slm',
  'monitor',
  'monitor_snapshot',
  'read_ilm',
  'read_pipeline',
  'read_slm',
]);

/** @see https://www.elastic.co/docs/reference/elasticsearch/security-privileges#privileges-list-indices */
const indexPrivilege = z.enum([
  'auto_configure',
  'create',
  'create_doc',
  'create_index',
  'delete',
  'delete_index',
  'index',
  'maintenance',
  'manage',
  'manage_ilm',
  'monitor',
  'read',
  'view_index_metadata',
  'write',
]);

const indexName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]*\*?$/, 'must be a name that may end with "*": a role for every index is no role');

/** A role without the privileges of a superuser. @see https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-security-put-role */
export const role = z.strictObject({
  description: z.string().min(1).max(1000).optional(),
  cluster: z.array(clusterPrivilege).optional(),
  indices: z
    .array(
      z.strictObject({
        names: z.array(indexName).min(1),
        privileges: z.array(indexPrivilege).min(1),
      }),
    )
    .optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});
