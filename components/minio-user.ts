import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';

/** A MinIO user and what it may do; its keys are read from a Secret and never enter the state. */
export interface MinioUserInputs {
  readonly namespace: string;
  /** Service of the S3 API. */
  readonly service: string;
  readonly port: number;
  /** Secret with `rootUser` and `rootPassword`. */
  readonly rootSecret: string;
  /** Secret with the user's `accessKey` and `secretKey`. */
  readonly userSecret: string;
  /** Name of the policy that is made for the user. */
  readonly policyName: string;
  readonly buckets: readonly string[];
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/minio-user-provider',
  methods: ['create', 'update'],
};

/** A user of MinIO that may read and write objects of some buckets; it stays in MinIO when the stack is destroyed. */
export class MinioUser extends CompiledResource {
  constructor(name: string, args: pulumi.Inputs & MinioUserInputs, opts?: pulumi.CustomResourceOptions) {
    super(provider, 'minio:User', name, { ...args }, opts);
  }
}
