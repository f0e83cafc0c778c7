/** What Vault's parts, and those who use them, call each other. */

/** Names of what is not declared but made while Vault is set up, and of who does that. */
export function vaultNames({ name = 'vault' }: { readonly name?: string }) {
  return {
    configurationAccount: `${name}-configuration`,
    /** Key `token`: a root token, for the first configuration, which revokes it and deletes the Secret. */
    bootstrapSecret: `${name}-bootstrap`,
    /** Key `unsealKey`; only with seal `dev-auto`. */
    unsealSecret: `${name}-unseal`,
  };
}

/** What a token of a ServiceAccount must be made for. */
export const AUDIENCE = 'vault';
export const CONFIGURATION_ROLE = 'configuration';
/** What copies are made as. */
export const BACKUP_ROLE = 'backup';
/** Who may put another state in the place of all that Vault holds. */
export const RESTORE_ROLE = 'restore';
