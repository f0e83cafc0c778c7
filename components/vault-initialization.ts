import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';
import type { VaultReference } from './vault-connection';

/** A Vault with seal `dev-auto`, and the Secrets that its first start fills. */
export interface VaultInitializationInputs extends VaultReference {
  /** Gets `unsealKey`. */
  readonly unsealSecret: string;
  /** Gets `token`, a root token. */
  readonly bootstrapSecret: string;
}

const provider: CompiledProvider = {
  module: 'components/vault-initialization-provider',
  methods: ['create', 'update'],
};

/** The first start of a Vault with seal `dev-auto`; what it made stays when the stack is destroyed. */
export class VaultInitialization extends CompiledResource {
  constructor(
    name: string,
    args: pulumi.Inputs & VaultInitializationInputs,
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(provider, 'vault:Initialization', name, { ...args }, opts);
  }
}
