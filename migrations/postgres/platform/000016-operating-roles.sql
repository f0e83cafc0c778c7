-- The roles that operate the database may connect to it: "backup" reads everything, "monitor" reads statistics.

-- migrate:up

-- The cluster makes the roles, with the rights that only a superuser can grant.
DO $$
DECLARE
  absent text;
BEGIN
  SELECT string_agg(wanted, ', ') INTO absent
  FROM unnest(ARRAY['backup', 'monitor']) AS wanted
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
  IF absent IS NOT NULL THEN
    RAISE 'the roles backup and monitor must exist before rights are granted to them; missing: %', absent
      USING HINT = 'Declare them in the cluster (spec.managed.roles) or create them with CREATE ROLE';
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO backup, monitor', current_database());
END
$$;

-- migrate:down

DO $$
BEGIN
  EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM backup, monitor', current_database());
END
$$;
