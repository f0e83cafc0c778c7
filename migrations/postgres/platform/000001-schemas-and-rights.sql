-- Schemas, the rights of the login roles on everything that later files make in them, and what all tables share.
-- Schema "platform" exists already: it holds the history of these files. docs/schema.md explains the conventions.

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

CREATE SCHEMA a2a;
CREATE SCHEMA services;
CREATE SCHEMA observability;
CREATE SCHEMA security;
CREATE SCHEMA masked;

COMMENT ON SCHEMA a2a IS 'Agent-to-agent protocol: agent cards and messages.';
COMMENT ON SCHEMA services IS 'Agents, tools, workflows, documents and tasks.';
COMMENT ON SCHEMA observability IS 'Traces, metrics, health checks and alerts.';
COMMENT ON SCHEMA security IS 'Audit log, encryption keys and the functions that authentication needs.';
COMMENT ON SCHEMA masked IS 'Views without personal data, secrets and contents, for the role readonly.';

-- "app" reads and writes the rows that row security lets it see; "readonly" reads what holds no personal data.
GRANT USAGE ON SCHEMA platform, a2a, services, observability, security TO app;
GRANT USAGE ON SCHEMA platform, a2a, services, observability, masked TO readonly;
ALTER DEFAULT PRIVILEGES IN SCHEMA platform, a2a, services, observability, security
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
ALTER DEFAULT PRIVILEGES IN SCHEMA platform, a2a, services, observability, security
  GRANT USAGE, SELECT ON SEQUENCES TO app;
ALTER DEFAULT PRIVILEGES IN SCHEMA observability, masked GRANT SELECT ON TABLES TO readonly;
GRANT SELECT ON platform.schema_migrations TO app, readonly;

-- What these domains say is fixed: a column that needs another condition gets another type.
-- squawk-ignore ban-create-domain-with-constraint
CREATE DOMAIN platform.label AS text CHECK (VALUE = btrim(VALUE) AND length(VALUE) BETWEEN 1 AND 255);
-- squawk-ignore ban-create-domain-with-constraint
CREATE DOMAIN platform.json_object AS jsonb CHECK (jsonb_typeof(VALUE) = 'object');
-- squawk-ignore ban-create-domain-with-constraint
CREATE DOMAIN platform.json_array AS jsonb CHECK (jsonb_typeof(VALUE) = 'array');
COMMENT ON DOMAIN platform.label IS 'Name of 1 to 255 characters without blanks at its ends.';
COMMENT ON DOMAIN platform.json_object IS 'JSON object.';
COMMENT ON DOMAIN platform.json_array IS 'JSON array.';

CREATE FUNCTION platform.touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION platform.touch_updated_at IS 'Trigger of every table with a column updated_at.';

-- Null without the setting: "= NULL" is never true, so the policies then let no row through.
CREATE FUNCTION security.current_user_id() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(pg_catalog.current_setting('app.user_id', true), '')::uuid;
COMMENT ON FUNCTION security.current_user_id IS
  'User that the application acts for: SET LOCAL app.user_id; null when it is not set.';

-- migrate:down

DROP FUNCTION security.current_user_id();
DROP FUNCTION platform.touch_updated_at();
DROP DOMAIN platform.json_array;
DROP DOMAIN platform.json_object;
DROP DOMAIN platform.label;
REVOKE SELECT ON platform.schema_migrations FROM app, readonly;
ALTER DEFAULT PRIVILEGES IN SCHEMA observability, masked REVOKE SELECT ON TABLES FROM readonly;
ALTER DEFAULT PRIVILEGES IN SCHEMA platform, a2a, services, observability, security REVOKE ALL ON SEQUENCES FROM app;
ALTER DEFAULT PRIVILEGES IN SCHEMA platform, a2a, services, observability, security REVOKE ALL ON TABLES FROM app;
REVOKE USAGE ON SCHEMA platform FROM app, readonly;
DROP SCHEMA masked;
DROP SCHEMA security;
DROP SCHEMA observability;
DROP SCHEMA services;
DROP SCHEMA a2a;
DO $$
BEGIN
  EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM app, readonly', current_database());
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
$$;
