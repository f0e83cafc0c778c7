/** An access control list as text: roles by name, so that it is the same on a restored server. */
const rights = (acl: string, kind: string, owner: string) => `(
  SELECT string_agg(format('%s=%s%s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type,
                           CASE WHEN is_grantable THEN ' with grant option' END), ', '
                    ORDER BY grantee <> 0, grantee::regrole::text, privilege_type)
  FROM aclexplode(coalesce(${acl}, acldefault(${kind}, ${owner}))))`;

/**
 * Every definition of a database as one text column `line`: schemas, relations with their options, columns, constraints,
 * indexes, views, sequences, types, routines, triggers, policies, comments and rights. Left out: what an extension brings,
 * partitions by range (upkeep makes them) and the engine's own tables but for their rights.
 * @see https://www.postgresql.org/docs/current/catalogs.html
 */
export const DEFINITIONS = `
  WITH ours AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
  ), of_extensions AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
  ), lasting AS (
    SELECT c.*, nspname = 'platform' AND relname IN ('schema_migrations', 'schema_snapshot') AS of_engine
    FROM pg_class c JOIN ours n ON n.oid = c.relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
      AND NOT (relispartition AND pg_get_expr(relpartbound, c.oid) <> 'DEFAULT')
      AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_class'::regclass AND objid = c.oid)
  ), relations AS (
    SELECT * FROM lasting WHERE NOT of_engine
  ), routines AS (
    SELECT p.* FROM pg_proc p JOIN ours n ON n.oid = pronamespace WHERE prokind IN ('f', 'p')
      AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
  ), types AS (
    SELECT t.* FROM pg_type t JOIN ours n ON n.oid = typnamespace
    LEFT JOIN pg_class c ON c.oid = typrelid
    WHERE (typtype IN ('e', 'd') OR relkind = 'c')
      AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_type'::regclass AND objid = t.oid)
  ), described AS (
    SELECT 'pg_class'::regclass AS class, oid, oid::regclass::text AS name FROM relations
    UNION ALL SELECT 'pg_namespace'::regclass, oid, nspname FROM ours
    UNION ALL SELECT 'pg_proc'::regclass, oid, oid::regprocedure::text FROM routines
    UNION ALL SELECT 'pg_type'::regclass, oid, oid::regtype::text FROM types
  )
  SELECT format('schema %s rights %s', nspname, ${rights('nspacl', `'n'`, 'nspowner')}) AS line
    FROM ours
  UNION ALL SELECT format('extension %s', extname) FROM pg_extension
  UNION ALL SELECT format('relation %s %s %s row security %s forced %s options %s', c.oid::regclass, relkind,
                          pg_get_partkeydef(c.oid), relrowsecurity, relforcerowsecurity, reloptions)
    FROM relations c
  UNION ALL SELECT format('rights %s %s', c.oid::regclass,
                          ${rights('relacl', `(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char"`, 'relowner')})
    FROM lasting c
  UNION ALL SELECT format('view %s %s', c.oid::regclass, pg_get_viewdef(c.oid)) FROM relations c WHERE relkind IN ('v', 'm')
  UNION ALL SELECT format('sequence %s %s from %s by %s between %s and %s cache %s cycle %s', c.oid::regclass,
                          format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle)
    FROM pg_sequence JOIN relations c ON c.oid = seqrelid
  UNION ALL SELECT format('column %s.%s %s not null %s default %s identity "%s" generated "%s" %s', c.oid::regclass, attname,
                          format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attidentity,
                          attgenerated, attacl)
    FROM pg_attribute JOIN relations c ON c.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped AND relkind <> 'S'
  UNION ALL SELECT format('constraint %s %s %s', c.oid::regclass, conname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN relations c ON c.oid = conrelid
  UNION ALL SELECT format('index %s %s', i.indexrelid::regclass, pg_get_indexdef(i.indexrelid))
    FROM pg_index i JOIN relations c ON c.oid = i.indrelid
  UNION ALL SELECT format('type %s %s', t.oid::regtype, coalesce(
                     (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
                     (SELECT string_agg(format('%s %s', attname, format_type(atttypid, atttypmod)), ',' ORDER BY attnum)
                      FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped),
                     format('%s not null %s default %s', format_type(typbasetype, typtypmod), typnotnull, typdefault)))
    FROM types t
  UNION ALL SELECT format('type constraint %s %s %s', t.oid::regtype, conname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN types t ON t.oid = contypid
  UNION ALL SELECT format('routine %s %s rights %s', p.oid::regprocedure, pg_get_functiondef(p.oid),
                          ${rights('proacl', `'f'`, 'proowner')})
    FROM routines p
  UNION ALL SELECT format('trigger %s %s %s', c.oid::regclass, tgenabled, pg_get_triggerdef(t.oid))
    FROM pg_trigger t JOIN relations c ON c.oid = tgrelid WHERE NOT tgisinternal
  UNION ALL SELECT format('policy %s %s %s %s roles %s using %s check %s', c.oid::regclass, polname, polcmd, polpermissive,
                          polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy JOIN relations c ON c.oid = polrelid
  UNION ALL SELECT format('comment %s %s %s %s', class, name, objsubid, description)
    FROM described JOIN pg_description ON objoid = oid AND classoid = class
  UNION ALL SELECT format('default rights %s %s %s %s', d.defaclrole::regrole, d.defaclnamespace::regnamespace, defaclobjtype, defaclacl)
    FROM pg_default_acl d
  UNION ALL SELECT format('database rights %s', ${rights('datacl', `'d'`, 'datdba')})
    FROM pg_database WHERE datname = current_database()`;
