/**
 * Every definition of a database as one text column `line`: schemas, relations, columns, constraints, indexes, views, types,
 * functions, triggers, policies, comments and rights. Left out: what an extension brings, partitions by range (upkeep makes
 * them) and the engine's own tables.
 * @see https://www.postgresql.org/docs/current/catalogs.html
 */
export const DEFINITIONS = `
  WITH ours AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
  ), of_extensions AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
  ), relations AS (
    SELECT c.* FROM pg_class c JOIN ours n ON n.oid = c.relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
      AND NOT (relispartition AND pg_get_expr(relpartbound, c.oid) <> 'DEFAULT')
      AND NOT (nspname = 'platform' AND relname IN ('schema_migrations', 'schema_snapshot'))
      AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_class'::regclass AND objid = c.oid)
  )
  SELECT format('schema %s %s', nspname, a.*) AS line
    FROM ours, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
  UNION ALL SELECT format('extension %s', extname) FROM pg_extension
  UNION ALL SELECT format('relation %s %s %s row security %s forced %s %s', c.oid::regclass, relkind,
                          pg_get_partkeydef(c.oid), relrowsecurity, relforcerowsecurity, a.*)
    FROM relations c, aclexplode(coalesce(relacl, acldefault('r', relowner))) a
  UNION ALL SELECT format('view %s %s', c.oid::regclass, pg_get_viewdef(c.oid)) FROM relations c WHERE relkind IN ('v', 'm')
  UNION ALL SELECT format('column %s.%s %s %s %s %s', c.oid::regclass, attname, format_type(atttypid, atttypmod),
                          attnotnull, pg_get_expr(adbin, adrelid), attacl)
    FROM pg_attribute JOIN relations c ON c.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped AND relkind <> 'S'
  UNION ALL SELECT format('constraint %s %s %s', c.oid::regclass, conname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN relations c ON c.oid = conrelid
  UNION ALL SELECT format('index %s %s', i.indexrelid::regclass, pg_get_indexdef(i.indexrelid))
    FROM pg_index i JOIN relations c ON c.oid = i.indrelid
  UNION ALL SELECT format('type %s %s', t.oid::regtype, coalesce(
                     (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
                     format_type(typbasetype, typtypmod)))
    FROM pg_type t JOIN ours n ON n.oid = typnamespace WHERE typtype IN ('e', 'd')
      AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_type'::regclass AND objid = t.oid)
  UNION ALL SELECT format('function %s %s %s', p.oid::regprocedure, pg_get_functiondef(p.oid), a.*)
    FROM pg_proc p JOIN ours n ON n.oid = pronamespace, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
    WHERE prokind IN ('f', 'p')
      AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
  UNION ALL SELECT format('trigger %s %s', c.oid::regclass, pg_get_triggerdef(t.oid))
    FROM pg_trigger t JOIN relations c ON c.oid = tgrelid WHERE NOT tgisinternal
  UNION ALL SELECT format('policy %s %s %s %s roles %s using %s check %s', c.oid::regclass, polname, polcmd, polpermissive,
                          polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy JOIN relations c ON c.oid = polrelid
  UNION ALL SELECT format('comment %s %s', c.oid::regclass, d.objsubid || ' ' || description)
    FROM pg_description d JOIN relations c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
  UNION ALL SELECT format('default rights %s %s %s %s', d.defaclrole::regrole, d.defaclnamespace::regnamespace, defaclobjtype, defaclacl)
    FROM pg_default_acl d
  UNION ALL SELECT format('database %s', a.*)
    FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a WHERE datname = current_database()`;
