/** As whom Vault makes logins in the databases, with the least that this takes. */

/**
 * Makes the role `vault` of PostgreSQL, as the superuser: it may make members of `app` and `readonly`, which reads and changes
 * nothing by itself, and end their sessions. May be repeated.
 * @param verifier Of its password, made of letters that need no quoting.
 * @see https://www.postgresql.org/docs/current/sql-grant.html
 */
export function vaultPostgresStatements(verifier: string): string[] {
  return [
    `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault') THEN CREATE ROLE vault; END IF; END $$`,
    `ALTER ROLE vault LOGIN CREATEROLE PASSWORD '${verifier}'`,
    'GRANT pg_signal_backend TO vault',
    'GRANT app, readonly TO vault WITH ADMIN TRUE, INHERIT FALSE, SET FALSE',
  ];
}

/**
 * ACL rules of Redis's user `vault`: whoever may make users may do everything in the end, but this one sees no key.
 * @see https://redis.io/docs/latest/commands/acl-setuser/
 */
export const vaultRedisRules = [
  'resetkeys',
  'resetchannels',
  '-@all',
  '+acl|setuser',
  '+acl|deluser',
  '+acl|getuser',
  '+ping',
] as const;
