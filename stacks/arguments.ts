import { MinioArgs, resolveMinioArgs } from '../components/minio-args';
import { PostgresArgs, resolvePostgresArgs } from '../components/postgres-args';
import { RedisArgs, resolveRedisArgs } from '../components/redis-args';
import { images } from '../components/versions';
import { declaredBuckets } from '../migrations/targets/minio-buckets';
import type { PlatformConfig } from './config';

/** Arguments of every store's component, as the configuration gives them. */
export interface StoreArguments {
  readonly postgres: PostgresArgs;
  readonly redis: RedisArgs;
  /** The image is known only after it is built. */
  readonly minio: Omit<MinioArgs, 'image'>;
}

/** Turns the configuration into the arguments of the components. */
export function storeArguments(config: PlatformConfig): StoreArguments {
  const { namespace } = config;
  const className = storageClassName(config);
  const { storageSize, walStorageSize, synchronous, pooler, ...postgres } = config.postgres;
  const { storageSize: redisSize, maxMemoryMiB, ...redis } = config.redis;
  const { storageSize: minioSize, image: _image, ...minio } = config.minio;
  return {
    postgres: {
      ...postgres,
      namespace,
      image: postgres.image ?? images.postgres,
      storage: { size: storageSize, className },
      ...(walStorageSize ? { walStorage: { size: walStorageSize, className } } : {}),
      ...(synchronous ? { synchronous: { method: 'any', ...synchronous } } : {}),
      ...(pooler ? { pooler: { ...pooler, image: pooler.image ?? images.pgbouncer } } : {}),
      ...(config.kubeContext ? { context: config.kubeContext } : {}),
    },
    redis: {
      ...redis,
      namespace,
      image: redis.image ?? images.redis,
      storage: { size: redisSize, className },
      maxMemory: maxMemoryMiB,
    },
    minio: {
      ...minio,
      namespace,
      storage: { size: minioSize, className },
      appBuckets: declaredBuckets('platform'),
      ...(config.kubeContext ? { context: config.kubeContext } : {}),
    },
  };
}

/** Name of the StorageClass of every volume; one that the stack declares is named after its namespace, as it is cluster-wide. */
export function storageClassName({ storage, namespace }: PlatformConfig): string {
  return 'className' in storage ? storage.className : `${namespace}-retain`;
}

/** What the components would refuse, all of it, before any of them is made. */
export function argumentProblems(config: PlatformConfig): string[] {
  const args = storeArguments(config);
  const checks = [
    () => resolvePostgresArgs(args.postgres),
    () => resolveRedisArgs(args.redis),
    () => resolveMinioArgs({ ...args.minio, image: images.minio }),
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  });
}
