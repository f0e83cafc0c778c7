/** The operations of Chroma change files, with field names and meaning of the API, version 2. */
import { z } from 'zod';
import { jsonFormat } from '../../engine/json-format';

/** Sizes of the vectors that the platform's embedding models give. */
const SIZES = [768, 1536];

const collection = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{1,510}[A-Za-z0-9]$/,
    'a collection name has 3 to 512 of a-z, A-Z, 0-9, ".", "_" and "-"',
  )
  .refine(
    (name) => !name.startsWith('project_'),
    'collections of projects are created by their applications',
  );

const metadata = z.record(
  z.string().regex(/^[a-z][a-z0-9_]*$/, 'a key of metadata has a-z, 0-9 and "_"'),
  z.union([z.string(), z.number(), z.boolean()]),
);

/** @see https://docs.trychroma.com/docs/collections/configure */
const hnsw = z.strictObject({
  space: z.enum(['cosine', 'ip', 'l2']),
  ef_construction: z.int().min(1).optional(),
  ef_search: z.int().min(1).optional(),
  max_neighbors: z.int().min(2).optional(),
});

const operation = z.discriminatedUnion('operation', [
  z.strictObject({
    operation: z.literal('createCollection'),
    collection,
    dimension: z
      .int()
      .refine((size) => SIZES.includes(size), `a vector has ${SIZES.join(' or ')} dimensions`),
    hnsw,
    metadata: metadata.optional(),
  }),
  z.strictObject({ operation: z.literal('deleteCollection'), collection }),
  z.strictObject({ operation: z.literal('putMetadata'), collection, metadata }),
  z.strictObject({ operation: z.literal('putSearch'), collection, ef_search: z.int().min(1) }),
]);

/** One operation of a Chroma change file. */
export type ChromaOperation = z.infer<typeof operation>;

/** The Chroma change format: JSON files of {@link ChromaOperation}s. */
export const chromaFormat = jsonFormat(operation);
