import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';
import type { MinioPolicy } from './minio-policies';

/** Where a MinIO is, and who may change its users. */
export interface MinioService {
  /** Service of the S3 API. */
  readonly service: string;
  readonly port: number;
  /** Secret with the administrator's `accessKey` and `secretKey`. */
  readonly adminSecret: string;
  /** Secret with `rootUser` and `rootPassword`, who makes the administrator. */
  readonly rootSecret: string;
  /** Secret whose key `ca.crt` verifies the server's certificate; default no TLS. */
  readonly caSecret?: string;
}

/** A MinIO user and what it may do; its secret keys are read from a Secret and never enter the state. */
export interface MinioUserInputs extends MinioService {
  readonly namespace: string;
  /** Access keys that have the same rights, and are the keys of `keysSecret`, whose values are their secret keys. */
  readonly accessKeys: readonly string[];
  readonly keysSecret: string;
  /** Name of the policy that is made for the user. */
  readonly policyName: string;
  readonly policy: MinioPolicy;
  /** Changes with the secret keys. */
  readonly rotation: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/minio-user-provider',
  methods: ['create', 'update'],
};

/** A user of MinIO with a policy of its own; it stays in MinIO when the stack is destroyed. */
export class MinioUser extends CompiledResource {
  constructor(name: string, args: pulumi.Inputs & MinioUserInputs, opts?: pulumi.CustomResourceOptions) {
    super(provider, 'minio:User', name, { ...args }, opts);
  }
}
