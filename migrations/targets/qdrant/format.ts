/** The operations of Qdrant change files, with field names and meaning of Qdrant's REST API. */
import { z } from 'zod';
import { type ChangeFormat, MalformedChangeError } from '../../engine/change-files';
import { jsonFormat } from '../../engine/json-format';
import { Catalogue, referenceProblems } from './catalogue';

/** Collection of the history, which changes must leave alone. */
export const HISTORY = 'schema_migrations';
/** Collection that says which tokens are valid, which changes must leave alone, too. */
export const LOGINS = 'platform_logins';
/** Sizes of the embedding models in use: BERT and its kind, OpenAI's. */
const SIZES = [768, 1536];

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must start with a-z and have at most 63 of a-z, 0-9, "_" and "-"')
  .refine((value) => value !== HISTORY, `"${HISTORY}" holds the history of the changes; take another name`)
  .refine((value) => value !== LOGINS, `"${LOGINS}" says which tokens are valid; take another name`);
const vectorName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,62}$/, 'a vector name starts with a-z and has at most 63 of a-z, 0-9, "_", "-"');
const fieldName = z
  .string()
  .max(255)
  .regex(
    /^[A-Za-z_]\w*(\[\])?(\.[A-Za-z_]\w*(\[\])?)*$/,
    'must be a payload path such as project_id, author.name or tags[].label',
  );
const count = z.int().min(1);
const reason = z.string().trim().min(10, 'must say why in at least 10 characters');

/** @see https://qdrant.tech/documentation/concepts/indexing/#vector-index */
const hnsw = z.strictObject({
  m: z.int().min(0).max(128).optional(),
  ef_construct: z.int().min(4).max(4096).optional(),
  full_scan_threshold: z.int().min(10).optional(),
  on_disk: z.boolean().optional(),
  payload_m: z.int().min(0).max(128).optional(),
});

/** @see https://qdrant.tech/documentation/guides/quantization/ */
const quantization = z
  .strictObject({
    scalar: z
      .strictObject({
        type: z.literal('int8'),
        quantile: z.number().min(0.5).max(1).optional(),
        always_ram: z.boolean().optional(),
      })
      .optional(),
    binary: z.strictObject({ always_ram: z.boolean().optional() }).optional(),
    product: z
      .strictObject({
        compression: z.enum(['x4', 'x8', 'x16', 'x32', 'x64']),
        always_ram: z.boolean().optional(),
      })
      .optional(),
  })
  .refine((kinds) => Object.keys(kinds).length === 1, 'must have exactly one of scalar, binary and product');

/** @see https://qdrant.tech/documentation/concepts/optimizer/ */
const optimizers = z.strictObject({
  deleted_threshold: z.number().min(0).max(1).optional(),
  vacuum_min_vector_number: z.int().min(100).optional(),
  default_segment_number: z.int().min(0).optional(),
  indexing_threshold: z.int().min(0).optional(),
  flush_interval_sec: count.optional(),
});

const vector = z
  .strictObject({
    size: z.int().min(1).max(65_536),
    distance: z.enum(['Cosine', 'Dot']),
    on_disk: z.boolean().optional(),
    datatype: z.enum(['float32', 'float16', 'uint8']).optional(),
    hnsw_config: hnsw.optional(),
    quantization_config: quantization.optional(),
    /** Why the size is none of the usual ones; not sent to Qdrant. */
    other_size: reason.optional(),
  })
  .superRefine(({ size, other_size }, context) => {
    if (SIZES.includes(size) || other_size !== undefined) return;
    const message = `must be ${SIZES.join(' or ')}, got ${size}; for another model, say which in "other_size"`;
    context.addIssue({ code: 'custom', path: ['size'], message });
  });

/** @see https://qdrant.tech/documentation/concepts/collections/#collection-with-sparse-vectors */
const sparseVector = z.strictObject({
  modifier: z.enum(['none', 'idf']).optional(),
  index: z
    .strictObject({ on_disk: z.boolean().optional(), full_scan_threshold: count.optional() })
    .optional(),
});

const replication = {
  replication_factor: count.optional(),
  write_consistency_factor: count.optional(),
  on_disk_payload: z.boolean().optional(),
};
const consistent = ({
  replication_factor: replicas,
  write_consistency_factor: writes,
}: {
  replication_factor?: number;
  write_consistency_factor?: number;
}) => replicas === undefined || writes === undefined || writes <= replicas;
const consistency = {
  path: ['write_consistency_factor'],
  message: 'must not be more than replication_factor: no write would ever succeed',
};

const createCollection = z
  .strictObject({
    operation: z.literal('createCollection'),
    collection_name: name,
    vectors: z
      .record(vectorName, vector)
      .refine((vectors) => Object.keys(vectors).length > 0, 'must have at least one named vector'),
    sparse_vectors: z.record(vectorName, sparseVector).optional(),
    shard_number: count.optional(),
    ...replication,
    hnsw_config: hnsw.optional(),
    quantization_config: quantization.optional(),
    optimizers_config: optimizers.optional(),
  })
  .refine(consistent, consistency)
  .superRefine(({ vectors, sparse_vectors = {} }, context) => {
    for (const both of Object.keys(sparse_vectors).filter((key) => key in vectors)) {
      const message = 'is the name of a dense vector too; names are unique in a collection';
      context.addIssue({ code: 'custom', path: ['sparse_vectors', both], message });
    }
  });

const newQuantization = z.union([z.literal('Disabled'), quantization], {
  error: 'must be "Disabled" or exactly one of scalar, binary and product',
});

/** What Qdrant can change about a collection that exists. */
const updateCollection = z
  .strictObject({
    operation: z.literal('updateCollection'),
    collection_name: name,
    vectors: z
      .record(
        vectorName,
        z.strictObject({
          hnsw_config: hnsw.optional(),
          quantization_config: newQuantization.optional(),
          on_disk: z.boolean().optional(),
        }),
      )
      .optional(),
    sparse_vectors: z.record(vectorName, sparseVector).optional(),
    params: z.strictObject(replication).refine(consistent, consistency).optional(),
    hnsw_config: hnsw.optional(),
    quantization_config: newQuantization.optional(),
    optimizers_config: optimizers.optional(),
  })
  .refine((change) => Object.keys(change).length > 2, 'changes nothing: give what is to change');

const onDisk = { on_disk: z.boolean().optional() };
const principal = { is_principal: z.boolean().optional(), ...onDisk };
const tenant = { is_tenant: z.boolean().optional(), ...onDisk };

/** @see https://qdrant.tech/documentation/concepts/indexing/#payload-index */
const fieldSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('keyword'), ...tenant }),
  z.strictObject({ type: z.literal('uuid'), ...tenant }),
  z.strictObject({
    type: z.literal('integer'),
    lookup: z.boolean().optional(),
    range: z.boolean().optional(),
    ...principal,
  }),
  z.strictObject({ type: z.literal('float'), ...principal }),
  z.strictObject({ type: z.literal('datetime'), ...principal }),
  z.strictObject({ type: z.literal('geo'), ...onDisk }),
  z.strictObject({ type: z.literal('bool'), ...onDisk }),
  z.strictObject({
    type: z.literal('text'),
    tokenizer: z.enum(['prefix', 'whitespace', 'word', 'multilingual']).optional(),
    min_token_len: count.optional(),
    max_token_len: count.optional(),
    lowercase: z.boolean().optional(),
    ...onDisk,
  }),
]);

const operation = z.discriminatedUnion('operation', [
  createCollection,
  updateCollection,
  z.strictObject({
    operation: z.literal('deleteCollection'),
    collection_name: name,
    /** Without it a collection that holds points is not deleted. */
    even_with_points: z.literal(true).optional(),
  }),
  z.strictObject({
    operation: z.literal('createPayloadIndex'),
    collection_name: name,
    field_name: fieldName,
    field_schema: fieldSchema,
  }),
  z.strictObject({
    operation: z.literal('deletePayloadIndex'),
    collection_name: name,
    field_name: fieldName,
  }),
  z.strictObject({ operation: z.literal('createAlias'), alias_name: name, collection_name: name }),
  z.strictObject({ operation: z.literal('switchAlias'), alias_name: name, collection_name: name }),
  z.strictObject({ operation: z.literal('renameAlias'), old_alias_name: name, new_alias_name: name }),
  z.strictObject({ operation: z.literal('deleteAlias'), alias_name: name }),
]);

/** One operation of a Qdrant change file. */
export type QdrantOperation = z.infer<typeof operation>;

const json = jsonFormat(operation);

/** The Qdrant change format: JSON files of {@link QdrantOperation}s that fit together. */
export const qdrantFormat: ChangeFormat = {
  ...json,
  check: referenceProblems,
  parse(text) {
    const change = json.parse(text);
    const catalogue = new Catalogue('others exist');
    const faults = catalogue.run(change.up);
    const added = catalogue.added();
    faults.push(...catalogue.run(change.down));
    const left = catalogue.added().filter((name) => added.includes(name));
    faults.push(...left.map((name) => `down leaves ${name} behind`));
    if (faults.length > 0) {
      throw new MalformedChangeError(
        `has operations that do not fit together (${faults.join('; ')})`,
        'Correct their names or their order.',
      );
    }
    return change;
  },
};
