import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';
import type { MinioPlace } from './minio-administrator';

/** A MinIO whose root user is not to be let in. */
export interface MinioRootAccessInputs extends MinioPlace {
  /** Counts rotations: root is switched off again with each. */
  readonly rotation: number;
}

const provider: CompiledProvider = {
  module: 'components/minio-root-access-provider',
  methods: ['create', 'update', 'delete'],
};

/** Refuses the root user of a MinIO, which has another administrator, while the resource exists. */
export class MinioRootAccess extends CompiledResource {
  constructor(
    name: string,
    args: pulumi.Inputs & MinioRootAccessInputs,
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(provider, 'minio:RootAccess', name, { ...args }, opts);
  }
}
