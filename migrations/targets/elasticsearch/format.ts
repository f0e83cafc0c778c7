/** The operations of Elasticsearch change files: the name of an API, the object's name, and the API's own body. */
import { z } from 'zod';
import { type ChangeFormat, MalformedChangeError } from '../../engine/change-files';
import { jsonFormat } from '../../engine/json-format';
import type { Statement } from '../../engine/target';
import { analysisFaults, synonymsSet } from './analysis';
import { lifecyclePolicy, snapshotLifecyclePolicy } from './lifecycle';
import { role } from './roles';

/** Index of the history and the lease, which changes must leave alone. */
export const HISTORY = 'schema-migrations';

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,99}$/, 'must start with a-z and have at most 100 of a-z, 0-9, "_" and "-"')
  .refine((value) => value !== HISTORY, `"${HISTORY}" holds the history of the changes; take another name`);
const json = z.record(z.string(), z.unknown());
const indexPattern = z
  .string()
  .regex(/^[a-z][a-z0-9_-]*\*?$/, 'must be a name that may end with "*", such as logs-app-*');

/** Settings, mappings and aliases of indices. @see https://www.elastic.co/docs/manage-data/data-store/templates */
const index = z
  .strictObject({ settings: json.optional(), mappings: json.optional(), aliases: json.optional() })
  .superRefine(({ settings }, context) => {
    const block = settings as { analysis?: object; index?: { analysis?: object } } | undefined;
    for (const analysis of [block?.analysis, block?.index?.analysis]) {
      for (const message of analysisFaults(analysis ?? {})) {
        context.addIssue({ code: 'custom', path: ['settings', 'analysis'], message });
      }
    }
  });

const template = { template: index.optional(), version: z.int().min(1).optional(), _meta: json.optional() };
const indexTemplate = z.strictObject({
  ...template,
  index_patterns: z.array(indexPattern).min(1),
  composed_of: z.array(name).optional(),
  priority: z
    .int()
    .min(0)
    .refine((value) => value !== 100, 'must not be 100: Elasticsearch’s own templates have that priority')
    .optional(),
  data_stream: z
    .strictObject({ hidden: z.boolean().optional(), allow_custom_routing: z.boolean().optional() })
    .optional(),
});

/** @see https://www.elastic.co/docs/deploy-manage/tools/snapshot-and-restore/s3-repository */
const s3Repository = z.strictObject({
  type: z.literal('s3'),
  settings: z.strictObject(
    {
      bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket'),
      base_path: z.string().optional(),
      client: z.string().optional(),
      compress: z.boolean().optional(),
      storage_class: z.string().optional(),
      max_snapshot_bytes_per_sec: z.string().optional(),
      max_restore_bytes_per_sec: z.string().optional(),
    },
    {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? `has ${issue.keys.join(', ')}: addresses and credentials belong to the client, in elasticsearch.yml and the keystore`
          : undefined,
    },
  ),
});

/** @see https://www.elastic.co/docs/reference/enrich-processor/ */
const pipeline = z.strictObject({
  description: z.string().min(1),
  version: z.int().min(1).optional(),
  processors: z
    .array(
      z.record(z.string(), json).refine((entry) => Object.keys(entry).length === 1, 'must have one type'),
    )
    .min(1),
  on_failure: z.array(z.record(z.string(), json)).optional(),
  _meta: json.optional(),
});

/** @see https://www.elastic.co/docs/solutions/search/search-templates */
const searchTemplate = z.strictObject({
  script: z.strictObject({ lang: z.literal('mustache'), source: z.string().min(2) }),
});

const aliasBody = z.strictObject({ is_write_index: z.boolean().optional(), filter: json.optional() });

const put = <Operation extends string, Body extends z.ZodType>(operation: Operation, body: Body) =>
  z.strictObject({ operation: z.literal(operation), name, body });
const plain = <Operation extends string>(operation: Operation) =>
  z.strictObject({ operation: z.literal(operation), name });

const operation = z.discriminatedUnion('operation', [
  put('putLifecyclePolicy', lifecyclePolicy),
  plain('deleteLifecyclePolicy'),
  put('putComponentTemplate', z.strictObject(template)),
  plain('deleteComponentTemplate'),
  put('putIndexTemplate', indexTemplate),
  plain('deleteIndexTemplate'),
  plain('createDataStream'),
  plain('deleteDataStream'),
  put('createIndex', index),
  plain('deleteIndex'),
  z.strictObject({ operation: z.literal('putAlias'), name, index: name, body: aliasBody.optional() }),
  z.strictObject({ operation: z.literal('deleteAlias'), name, index: name }),
  put('putIngestPipeline', pipeline),
  plain('deleteIngestPipeline'),
  put('putSearchTemplate', searchTemplate),
  plain('deleteSearchTemplate'),
  put('putSynonymsSet', synonymsSet),
  plain('deleteSynonymsSet'),
  put('putSnapshotRepository', s3Repository),
  plain('deleteSnapshotRepository'),
  put('putSnapshotLifecyclePolicy', snapshotLifecyclePolicy),
  plain('deleteSnapshotLifecyclePolicy'),
  put('putRole', role),
  plain('deleteRole'),
]);

/** One operation of an Elasticsearch change file. */
export type ElasticsearchOperation = z.infer<typeof operation>;

const format = jsonFormat(operation, objectOf);

/** The Elasticsearch change format: JSON files of {@link ElasticsearchOperation}s. */
export const elasticsearchFormat: ChangeFormat = {
  ...format,
  parse(text, values) {
    const change = format.parse(text, values);
    const faults = [...orderFaults(change.up), ...orderFaults(change.down)];
    if (faults.length === 0) return change;
    throw new MalformedChangeError(
      `has operations in an order that cannot work (${faults.join('; ')})`,
      'Put each operation after what it uses.',
    );
  },
};

/** What an operation defines or deletes: `kind name`, with the kind as in `put…` and `create…`. */
function objectOf({ operation: act, name: object }: ElasticsearchOperation): string {
  return `${act.replace(/^(put|create|delete)/, '')} ${object}`;
}

/** What an operation uses, named in the same way. */
function uses(change: ElasticsearchOperation): string[] {
  switch (change.operation) {
    case 'putIndexTemplate':
      return (change.body.composed_of ?? []).map((used) => `ComponentTemplate ${used}`);
    case 'putSnapshotLifecyclePolicy':
      return [`SnapshotRepository ${change.body.repository}`];
    case 'putAlias':
      return [`Index ${change.index}`];
    default:
      return [];
  }
}

/** Faults of the order in one section: an object used before the section makes it, or after the section deleted it. */
function orderFaults(statements: readonly Statement[]): string[] {
  const operations = statements.map(({ text }) => JSON.parse(text) as ElasticsearchOperation);
  const acts = operations.map((change) => ({
    deletes: change.operation.startsWith('delete'),
    object: objectOf(change),
  }));
  return operations.flatMap((change, at) =>
    uses(change).flatMap((used) => {
      const before = acts.slice(0, at).findLast(({ object }) => object === used);
      const made = before
        ? !before.deletes
        : !acts.slice(at).some(({ object, deletes }) => object === used && !deletes);
      if (made) return [];
      return [
        `line ${statements[at]!.line}: ${change.operation} "${change.name}" uses ${used}, which ${before ? 'was deleted before' : 'is made only after it'}`,
      ];
    }),
  );
}
