-- Rights of the login roles: "app" reads and writes, "readonly" reads what holds no secret.
-- The roles and their passwords are the cluster's; this file only grants.

-- migrate:up

-- The cluster makes the roles when it makes the database.
DO $$
DECLARE
  absent text;
BEGIN
  SELECT string_agg(wanted, ', ') INTO absent
  FROM unnest(ARRAY['app', 'readonly']) AS wanted
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
  IF absent IS NOT NULL THEN
    RAISE 'the roles app and readonly must exist before rights are granted to them; missing: %', absent
      USING HINT = 'Declare them in the cluster (spec.managed.roles) or create them with CREATE ROLE';
  END IF;
  EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO app, readonly', current_database());
END
$$;

GRANT USAGE ON SCHEMA platform, observability TO app, readonly;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA platform, observability TO app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA platform, observability TO app;
ALTER DEFAULT PRIVILEGES IN SCHEMA platform, observability
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
ALTER DEFAULT PRIVILEGES IN SCHEMA platform, observability
  GRANT USAGE, SELECT ON SEQUENCES TO app;
REVOKE INSERT, UPDATE, DELETE ON platform.schema_migrations, platform.partition_policies FROM app;

GRANT SELECT ON ALL TABLES IN SCHEMA observability TO readonly;
ALTER DEFAULT PRIVILEGES IN SCHEMA observability GRANT SELECT ON TABLES TO readonly;
GRANT SELECT ON platform.projects, platform.user_projects, platform.partition_policies, platform.schema_migrations
  TO readonly;
-- Everything of a user but the password hash.
GRANT SELECT (
  id, username, email, first_name, last_name, avatar_url, is_active, is_verified, last_login, preferences, metadata,
  created_at, updated_at
) ON platform.users TO readonly;

-- migrate:down

ALTER DEFAULT PRIVILEGES IN SCHEMA platform, observability REVOKE ALL ON TABLES FROM app, readonly;
ALTER DEFAULT PRIVILEGES IN SCHEMA platform, observability REVOKE ALL ON SEQUENCES FROM app, readonly;
REVOKE ALL ON ALL TABLES IN SCHEMA platform, observability FROM app, readonly;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA platform, observability FROM app, readonly;
REVOKE SELECT (
  id, username, email, first_name, last_name, avatar_url, is_active, is_verified, last_login, preferences, metadata,
  created_at, updated_at
) ON platform.users FROM readonly;
REVOKE USAGE ON SCHEMA platform, observability FROM app, readonly;
DO $$
BEGIN
  EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM app, readonly', current_database());
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
$$;
