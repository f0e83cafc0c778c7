import type { Output } from '@pulumi/pulumi';

/**
 * The stack outputs: the contract between the platform and the applications that use it.
 * Additions are compatible; a removal or a change of meaning raises `contract`. No output is a password: applications
 * mount the Secrets that are named here.
 */
export interface PlatformOutputs {
  /** Version of this contract. */
  readonly contract: 1;
  /** Namespace of every Service and Secret named below. */
  readonly namespace: string;
  readonly postgres: PostgresOutputs;
  readonly redis: RedisOutputs;
  readonly minio: MinioOutputs;
}

/** A Kubernetes Secret and the keys in it. */
export interface SecretReference {
  readonly name: string;
  readonly keys: { readonly [purpose: string]: string };
}

/** Host name inside the cluster and TCP port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface PostgresOutputs {
  readonly database: string;
  /** The primary: reads and writes. */
  readonly primary: Endpoint;
  /** The replicas (the primary when there are none): reads that may lag. */
  readonly replicas: Endpoint;
  /** PgBouncer in front of the primary, or null when the pooler is off. */
  readonly pooler: Endpoint | null;
  readonly tls: {
    readonly mode: 'verify-full';
    /** PEM of the certificate authority that signed the servers' certificates. */
    readonly ca: Output<string | undefined>;
    readonly caSecret: SecretReference;
  };
  readonly credentials: { readonly app: SecretReference; readonly readonly: SecretReference };
  /** Newest applied schema version, such as `000003`. */
  readonly schemaVersion: Output<string>;
}

export interface RedisOutputs {
  /** Sentinels to ask for the master. */
  readonly sentinels: readonly Endpoint[];
  readonly masterName: string;
  /** Each is valid on the sentinels and on the data pods. */
  readonly credentials: { readonly app: SecretReference; readonly monitor: SecretReference };
}

export interface MinioOutputs {
  readonly endpoint: string;
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly buckets: readonly string[];
  readonly credentials: SecretReference;
}
