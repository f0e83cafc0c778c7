import { z } from 'zod';

/** What a stack may set, key by key; everything is optional except `size`, and unknown keys are errors. */

const quantity = z
  .string()
  .regex(
    /^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/,
    'must be a Kubernetes quantity such as 500m, 512Mi or 10Gi',
  );

const count = (min: number) => z.number().int().min(min);

const resources = z.strictObject({
  requests: z.strictObject({ cpu: quantity, memory: quantity }),
  limits: z.strictObject({ cpu: quantity.optional(), memory: quantity }),
});

const imageReference = z
  .string()
  .regex(
    /^[^\s@]+(:[\w][\w.-]{0,127}|@sha256:[a-f0-9]{64})$/,
    'must carry a tag or a digest (name:tag or name@sha256:…)',
  )
  .refine(
    (image) => !image.endsWith(':latest'),
    'must not be :latest, which changes under a running platform',
  );

const digestReference = z
  .string()
  .regex(/^[^\s@]+@sha256:[a-f0-9]{64}$/, 'must be pinned by digest (name@sha256:…)');

const dnsLabel = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label (a-z, 0-9 and -)');

const spread = z.enum(['preferred', 'required']);

const postgres = z.strictObject({
  image: imageReference.optional().describe('PostgreSQL image; its tag names the major version.'),
  instances: count(1).optional().describe('Servers: one primary, the rest replicas.'),
  storageSize: quantity.optional().describe('Volume of each instance.'),
  walStorageSize: quantity.optional().describe('Separate volume for the write-ahead log; none when absent.'),
  resources: resources.optional().describe('Requests and limits of each instance.'),
  synchronous: z
    .union([
      z.literal(false),
      z.strictObject({ number: count(1), dataDurability: z.enum(['required', 'preferred']) }),
    ])
    .optional()
    .describe(
      'Quorum commit: `number` of replicas that confirm a commit; `dataDurability: required` blocks writes rather than lose them; `false` is asynchronous.',
    ),
  parameters: z
    .record(z.string(), z.string())
    .optional()
    .describe('postgresql.conf settings, merged over the defaults.'),
  pooler: z
    .union([
      z.literal(false),
      z.strictObject({
        instances: count(1).optional(),
        poolMode: z.enum(['session', 'transaction']).optional(),
        parameters: z.record(z.string(), z.string()).optional(),
        image: imageReference.optional(),
        resources: resources.optional(),
      }),
    ])
    .optional()
    .describe('PgBouncer in front of the primary, or `false`.'),
  podMonitor: z.boolean().optional().describe('Declare a PodMonitor (needs the Prometheus operator).'),
  antiAffinity: spread
    .optional()
    .describe('Whether instances must (`required`) or should (`preferred`) run on different nodes.'),
});

const redis = z.strictObject({
  image: imageReference.optional().describe('Redis or Valkey image.'),
  replicas: count(1).optional().describe('Data pods: one master, the rest replicas.'),
  sentinels: count(1).optional().describe('Sentinel pods; an odd number.'),
  storageSize: quantity.optional().describe('Volume of each data pod.'),
  resources: resources.optional().describe('Requests and limits of each data pod.'),
  sentinelResources: resources.optional().describe('Requests and limits of each sentinel.'),
  maxMemoryMiB: count(16)
    .optional()
    .describe('Data limit in MiB; leave room below the memory limit for forks.'),
  maxMemoryPolicy: z
    .enum(['noeviction', 'allkeys-lru', 'allkeys-lfu', 'volatile-lru', 'volatile-lfu', 'volatile-ttl'])
    .optional()
    .describe('What happens at that limit.'),
  minReplicasToWrite: count(0)
    .optional()
    .describe('Replicas that must be connected for the master to accept writes.'),
  appendFsync: z
    .enum(['everysec', 'always'])
    .optional()
    .describe('When the append-only file reaches the disk.'),
  antiAffinity: spread.optional().describe('Whether pods must or should run on different nodes.'),
});

const minio = z.strictObject({
  image: digestReference.optional().describe('MinIO image by digest; absent: built from source.'),
  mode: z
    .enum(['single', 'distributed'])
    .optional()
    .describe('`single` drive, or `distributed` with erasure coding.'),
  servers: count(1).optional().describe('Pods.'),
  drivesPerServer: count(1)
    .optional()
    .describe('Volumes of each pod; at least 4 drives in all when distributed.'),
  storageSize: quantity.optional().describe('Size of each drive.'),
  resources: resources.optional().describe('Requests and limits of each pod.'),
  antiAffinity: spread.optional().describe('Whether servers must or should run on different nodes.'),
});

/** Shape of the stack configuration under the project's namespace. */
export const configSchema = z.strictObject({
  size: z
    .enum(['dev', 'prod'])
    .describe('Set of defaults: `dev` fits 2 cores and 6 GiB together, `prod` survives the loss of a node.'),
  namespace: dnsLabel.default('agent-data-platform').describe('Namespace that holds every store.'),
  kubeContext: z
    .string()
    .min(1)
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
    .union([z.strictObject({ className: dnsLabel }), z.strictObject({ provisioner: z.string().min(1) })])
    .optional()
    .describe(
      '`{className}` of an existing StorageClass (reclaimPolicy Retain), or `{provisioner}` to declare one.',
    ),
  postgres: postgres.optional().describe('PostgreSQL, see below.'),
  redis: redis.optional().describe('Redis, see below.'),
  minio: minio.optional().describe('MinIO, see below.'),
});

/** The stack configuration as written, checked but without the defaults of its size. */
export type StackConfig = z.infer<typeof configSchema>;
export type Resources = z.infer<typeof resources>;
