/** What the JSON files of invariants say, see docs/invariants.md. */
import { z } from 'zod';

const bucket = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket');
const path = z.string().regex(/^\/(?!\/)[^\s#\\]*$/, 'must be a path such as /collections/notes');
// What a POST with another end of its path does may be a change.
const READING = /^[^?]*\/(_search|_count|count|get|query|scroll|search)(\?.*)?$/;

const httpRequest = z
  .strictObject({ method: z.enum(['GET', 'POST']), path, body: z.unknown().optional() })
  .refine(({ path }) => !path.split(/[/?]/).includes('..'), 'must have no .. in its path')
  .refine(
    ({ method, path }) => method === 'GET' || READING.test(path),
    'may only POST to paths that end in _search, _count, count, get, query, scroll or search',
  )
  .refine(({ method, body }) => method === 'POST' || body === undefined, 'has a body, which a GET may not');

const minioRequest = z.strictObject({
  operation: z.enum(['getVersioning', 'getLifecycle', 'getPolicy']),
  bucket,
});

const redisRequest = z.union([
  z.strictObject({
    command: z
      .array(z.union([z.string(), z.number()]))
      .min(1)
      .readonly(),
    database: z.number().int().min(0).max(15).optional(),
  }),
  // The comparison of every key with the registry, as `migrate verify` makes it.
  z.strictObject({ operation: z.literal('auditKeys') }),
]);

const fileOf = <Request extends z.ZodType>(request: Request) =>
  z.strictObject({
    description: z.string().trim().min(1),
    checks: z.array(z.strictObject({ request, expected: z.json() })).min(1),
  });

/** Shape of a file by its store. */
export const checkFiles = {
  minio: fileOf(minioRequest),
  redis: fileOf(redisRequest),
  elasticsearch: fileOf(httpRequest),
  qdrant: fileOf(httpRequest),
  chroma: fileOf(httpRequest),
} as const;

const query = z.string().trim().min(1);
const values = z.discriminatedUnion('store', [
  z.strictObject({ store: z.enum(['postgres', 'neo4j', 'oxigraph']), query }),
  // Values are bucket/key.
  z.strictObject({ store: z.literal('minio'), buckets: z.array(bucket).min(1) }),
  z.strictObject({
    store: z.literal('qdrant'),
    collection: z.string().regex(/^[\w-]+$/),
    payload: z.string().regex(/^\w+$/),
  }),
]);

/** Shape of a file about several stores: each value of the one is among those of the other. */
export const crossFile = z.strictObject({
  description: z.string().trim().min(1),
  every: values,
  isIn: values,
});

/** A request that changes nothing. */
export type HttpRequestOf = z.infer<typeof httpRequest>;
export type MinioRequest = z.infer<typeof minioRequest>;
export type RedisRequest = z.infer<typeof redisRequest>;

/** A request to a store, and what its answer must have. */
export interface Check {
  readonly request: HttpRequestOf | MinioRequest | RedisRequest;
  /** Keys that the answer has besides do not matter. */
  readonly expected: unknown;
}

/** Where values of a store come from. */
export type Values = z.infer<typeof values>;
