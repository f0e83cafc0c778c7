import type { Output } from '@pulumi/pulumi';
import type { ChromaOutputs } from './stores/chroma';
import type { ElasticsearchOutputs } from './stores/elasticsearch';
import type { MinioOutputs } from './stores/minio';
import type { Neo4jOutputs } from './stores/neo4j';
import type { OxigraphOutputs } from './stores/oxigraph';
import type { PostgresOutputs } from './stores/postgres';
import type { QdrantOutputs } from './stores/qdrant';
import type { RedisOutputs } from './stores/redis';
import type { VaultOutputs } from './vault';

/**
 * The stack outputs: the contract between the platform and the applications that use it.
 * Additions are compatible; a removal or a change of meaning raises `contract`. No output is a password: applications
 * mount the Secrets that are named here. The part of each store stands beside it, in `stores/<store>.ts`.
 */
export interface PlatformOutputs {
  /** Version of this contract. */
  readonly contract: 1;
  /** Namespace of every Service and Secret named below. */
  readonly namespace: string;
  /** Authority of every server whose own part below names no other. */
  readonly tls: TlsOutputs;
  readonly postgres: PostgresOutputs;
  readonly redis: RedisOutputs;
  readonly minio: MinioOutputs;
  /** Each of the following is null where its configuration says `enabled: false`. */
  readonly neo4j: Neo4jOutputs | null;
  readonly oxigraph: OxigraphOutputs | null;
  readonly elasticsearch: ElasticsearchOutputs | null;
  readonly qdrant: QdrantOutputs | null;
  readonly chroma: ChromaOutputs | null;
  readonly vault: VaultOutputs | null;
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

/** How clients verify servers. */
export interface TlsOutputs {
  /** PEM of the certificate authority. */
  readonly ca: Output<string | undefined>;
  readonly caSecret: SecretReference;
}

/** A Secret with a certificate authority. */
export function certificateAuthority(name: string): SecretReference {
  return { name, keys: { certificateAuthority: 'ca.crt' } };
}
