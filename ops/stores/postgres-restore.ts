/** The parts of a restore that `pg_restore` leaves to others. */
import { type Client, escapeIdentifier, escapeLiteral } from 'pg';

/** A right on the database itself; `null` is everybody. */
export interface DatabaseRight {
  readonly grantee: string | null;
  readonly privilege: string;
  readonly grantable: boolean;
}

/** What of a database `pg_dump` leaves to others. */
export interface DatabaseFacts {
  readonly rights: readonly DatabaseRight[];
  /** Every role that owns something in it or may do something with it. */
  readonly roles: readonly string[];
}

/** What a database is like before a restore. */
export interface Target {
  readonly owner: string;
  /** Of the copy, to be made. */
  readonly missingRoles: readonly string[];
  /** Whether its owner has nothing in it. */
  readonly empty: boolean;
  /** Extensions that the owner cannot make or change, such as those of the operator: they stay as they are. */
  readonly keptExtensions: readonly string[];
}

const PRIVILEGES = new Set(['CONNECT', 'CREATE', 'TEMPORARY']);

/** Facts of the current database. */
export async function databaseFacts(client: Client): Promise<DatabaseFacts> {
  const { rows: rights } = await client.query<DatabaseRight>(
    `SELECT CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee)::text END AS grantee,
       privilege_type AS privilege, is_grantable AS grantable
     FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
     WHERE datname = current_database() AND grantee <> datdba ORDER BY 1, 2`,
  );
  const { rows: roles } = await client.query<{ rolname: string }>(
    `SELECT DISTINCT rolname FROM pg_shdepend s
     JOIN pg_database d ON s.dbid = d.oid OR (s.classid = 'pg_database'::regclass AND s.objid = d.oid)
     JOIN pg_roles r ON refclassid = 'pg_authid'::regclass AND refobjid = r.oid
     WHERE datname = current_database() ORDER BY 1`,
  );
  return { rights, roles: roles.map(({ rolname }) => rolname) };
}

interface TargetRow extends Target {
  readonly user: string;
  readonly special: boolean;
  readonly allowed: boolean;
  readonly mayMakeRoles: boolean;
}

/**
 * @param roles That the copy needs.
 * @throws Error when the login may not restore the database, or roles are missing that it cannot make.
 */
export async function inspectTarget(client: Client, roles: readonly string[]): Promise<Target> {
  const { rows } = await client.query<TargetRow>(
    `SELECT rolname AS owner, rolsuper AS special, current_user AS user,
       pg_has_role(rolname, 'MEMBER') AS allowed,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS "mayMakeRoles",
       ARRAY(SELECT wanted FROM unnest($1::text[]) AS wanted
             WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)) AS "missingRoles",
       ARRAY(SELECT extname::text FROM pg_extension WHERE extowner <> datdba) AS "keptExtensions",
       NOT EXISTS (SELECT FROM pg_shdepend s WHERE s.dbid = d.oid AND s.deptype = 'o'
                   AND s.refclassid = 'pg_authid'::regclass AND s.refobjid = datdba) AS empty
     FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE datname = current_database()`,
    [roles],
  );
  const { owner, empty, keptExtensions, missingRoles, user, allowed, special, mayMakeRoles } = rows[0]!;
  if (special)
    throw new Error(
      `The database belongs to the superuser "${owner}", whose objects cannot be told from the server's own. ` +
        'Restore into a database with an owner of its own.',
    );
  if (!allowed)
    throw new Error(
      `"${user}" may not restore the database. Log in as its owner, "${owner}", or a superuser.`,
    );
  if (missingRoles.length > 0 && !mayMakeRoles)
    throw new Error(
      `The server lacks roles of the copy: ${missingRoles.join(', ')}. Make them first, as the stack does, or restore as a superuser.`,
    );
  return { owner, empty, keptExtensions, missingRoles };
}

/** Begins the transaction, and empties the database but for what the server's own roles have made in it. */
export function emptying({ owner, missingRoles }: Target): string {
  const roles = missingRoles.map((role) => `CREATE ROLE ${escapeIdentifier(role)};`);
  return `
    SET client_min_messages = warning;
    BEGIN;
    SET LOCAL lock_timeout = '30s';
    ${roles.join('\n')}
    DROP OWNED BY ${escapeIdentifier(owner)} CASCADE;
    CREATE SCHEMA IF NOT EXISTS public AUTHORIZATION pg_database_owner;
    ${revoking('SCHEMA public', `pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee <> nspowner`)}
    GRANT USAGE ON SCHEMA public TO PUBLIC;
  `;
}

/**
 * Gives the database its rights and ends the transaction.
 * @throws Error when a right is none of a database's.
 */
export function finishing(database: string, rights: readonly DatabaseRight[]): string {
  const name = escapeIdentifier(database);
  const grants = rights.map(({ grantee, privilege, grantable }) => {
    if (!PRIVILEGES.has(privilege)) throw new Error(`The copy has an unknown right on the database.`);
    const to = grantee === null ? 'PUBLIC' : escapeIdentifier(grantee);
    return `GRANT ${privilege} ON DATABASE ${name} TO ${to}${grantable ? ' WITH GRANT OPTION' : ''};`;
  });
  const current = `pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
    WHERE datname = current_database() AND grantee <> datdba`;
  return [revoking(`DATABASE ${name}`, current), ...grants, 'COMMIT;', ''].join('\n');
}

/** The contents list of an archive without the extensions that stay. */
export function restorable(list: string, keptExtensions: readonly string[]): string {
  const kept = new Set(keptExtensions);
  return list
    .split('\n')
    .filter((line) => {
      const extension = /^\d+; \d+ \d+ (?:EXTENSION - |COMMENT - EXTENSION )(.*?) *$/.exec(line)?.[1];
      return extension === undefined || !kept.has(extension);
    })
    .join('\n');
}

/** Takes every right on something from everybody but its owner. */
function revoking(what: string, grantees: string): string {
  return `
    DO $revoke$
    DECLARE who text;
    BEGIN
      FOR who IN SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END FROM ${grantees}
      LOOP EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', ${escapeLiteral(what)}, who); END LOOP;
    END
    $revoke$;`;
}
