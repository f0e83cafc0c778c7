import * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';
import type { VaultReference } from './vault-connection';
import { type VaultSettings, type VaultWrite, vaultWrites } from './vault-writes';

/** Arguments of {@link VaultConfiguration}. */
export interface VaultConfigurationArgs {
  readonly vault: VaultReference;
  readonly settings: VaultSettings;
  /** Secret whose key `token` is used where nobody can log in yet; it is revoked and the Secret deleted afterwards. */
  readonly bootstrapSecret: string;
  /** Changes with the Secrets that the settings name, so that Vault gets their new values. */
  readonly revision: pulumi.Input<string>;
}

/** Inputs of the resource, as they stand in Pulumi's state; the provider's check adds what the cluster says. */
export interface VaultConfigurationInputs extends VaultReference {
  readonly account: VaultSettings['configurationAccount'];
  readonly bootstrapSecret: string;
  readonly revision: string;
  readonly writes: readonly VaultWrite[];
  /** Who signs the tokens of ServiceAccounts. */
  readonly issuer?: string;
  /** Public keys (PEM) of these signatures. */
  readonly issuerKeys?: readonly string[];
  /** URN that diagnostics are shown under. */
  readonly reportTo: string;
}

const provider: CompiledProvider = {
  module: 'components/vault-configuration-provider',
  methods: ['check', 'diff', 'create', 'update'],
};
const TYPE = 'vault:Configuration';

/**
 * What Vault holds besides secrets: engines, keys, roles, policies and the audit device. Preview shows every request; a Vault
 * that is sealed gets a warning instead, and is configured by the next update. Deleting the resource deletes nothing.
 */
export class VaultConfiguration extends CompiledResource {
  /** `configured`, or why it is not yet. */
  declare readonly state: pulumi.Output<string>;

  constructor(name: string, args: VaultConfigurationArgs, opts?: pulumi.CustomResourceOptions) {
    const { vault, settings, bootstrapSecret, revision } = args;
    const props = {
      ...vault,
      account: settings.configurationAccount,
      bootstrapSecret,
      revision,
      writes: vaultWrites(settings),
      reportTo: pulumi.createUrn(name, `pulumi-nodejs:dynamic/${TYPE}`, opts?.parent),
      state: undefined,
    };
    super(provider, TYPE, name, props, opts);
  }
}
