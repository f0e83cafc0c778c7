-- Users, how they authenticate, projects and who works on which project.

-- migrate:up

CREATE TABLE platform.users (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- Without "@", so that no name is another user's address.
  username      platform.label NOT NULL CHECK (username !~ '@'),
  email         text NOT NULL CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(email) <= 255),
  password_hash text NOT NULL CHECK (password_hash <> ''),
  role          text NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'user', 'service')),
  first_name    platform.label,
  last_name     platform.label,
  avatar_url    text,
  is_active     boolean NOT NULL DEFAULT true,
  is_verified   boolean NOT NULL DEFAULT false,
  last_login    timestamptz,
  preferences   platform.json_object NOT NULL DEFAULT '{}',
  metadata      platform.json_object NOT NULL DEFAULT '{}',
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.users IS 'People and services that sign in; personal data.';

-- Names and addresses are unique whatever their case.
CREATE UNIQUE INDEX users_username_key ON platform.users (lower(username));
CREATE UNIQUE INDEX users_email_key ON platform.users (lower(email));
CREATE TRIGGER users_touch_updated_at BEFORE UPDATE ON platform.users
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE platform.user_sessions (
  id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id            uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  session_token_hash bytea NOT NULL UNIQUE CHECK (octet_length(session_token_hash) = 32),
  refresh_token_hash bytea UNIQUE CHECK (octet_length(refresh_token_hash) = 32),
  expires_at         timestamptz NOT NULL,
  ip_address         inet,
  user_agent         text,
  is_active          boolean NOT NULL DEFAULT true,
  created_at         timestamptz NOT NULL DEFAULT now(),
  CHECK (expires_at > created_at)
);
COMMENT ON TABLE platform.user_sessions IS 'Signed-in sessions; personal data.';
COMMENT ON COLUMN platform.user_sessions.session_token_hash IS 'SHA-256 of the token, which is never stored.';
CREATE INDEX user_sessions_user_id_idx ON platform.user_sessions (user_id);
CREATE INDEX user_sessions_expires_at_idx ON platform.user_sessions (expires_at);

CREATE TABLE platform.api_keys (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id     uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  name        platform.label NOT NULL,
  key_hash    bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
  permissions platform.json_array NOT NULL DEFAULT '[]',
  last_used   timestamptz,
  expires_at  timestamptz,
  is_active   boolean NOT NULL DEFAULT true,
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, name)
);
COMMENT ON TABLE platform.api_keys IS 'Keys of programs that act for a user.';
COMMENT ON COLUMN platform.api_keys.key_hash IS 'SHA-256 of the key, which is never stored.';

CREATE TABLE platform.projects (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name        platform.label NOT NULL UNIQUE,
  description text,
  tags        text[] NOT NULL DEFAULT '{}',
  is_default  boolean NOT NULL DEFAULT false,
  settings    platform.json_object NOT NULL DEFAULT '{}',
  created_by  uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  updated_by  uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.projects IS 'Projects that resources are grouped by.';
CREATE UNIQUE INDEX projects_one_default ON platform.projects (is_default) WHERE is_default;
CREATE INDEX projects_tags_idx ON platform.projects USING gin (tags);
CREATE INDEX projects_created_by_idx ON platform.projects (created_by);
CREATE INDEX projects_updated_by_idx ON platform.projects (updated_by);
CREATE TRIGGER projects_touch_updated_at BEFORE UPDATE ON platform.projects
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE platform.user_projects (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id     uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  project_id  uuid NOT NULL REFERENCES platform.projects (id) ON DELETE CASCADE,
  role        text NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  permissions platform.json_array NOT NULL DEFAULT '[]',
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, project_id)
);
COMMENT ON TABLE platform.user_projects IS 'Who works on which project, and as what.';
CREATE INDEX user_projects_project_id_idx ON platform.user_projects (project_id);

-- A user's own rows. The owner of the tables (migrations, upkeep) is not bound by these policies.
ALTER TABLE platform.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON platform.users USING (id = (SELECT security.current_user_id()));
ALTER TABLE platform.user_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON platform.user_sessions USING (user_id = (SELECT security.current_user_id()));
ALTER TABLE platform.api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON platform.api_keys USING (user_id = (SELECT security.current_user_id()));

-- Authentication happens before the application knows the user, so it asks through these functions, by secret only.
CREATE FUNCTION security.find_login(login text)
RETURNS TABLE (user_id uuid, password_hash text, role text, is_verified boolean)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT u.id, u.password_hash, u.role, u.is_verified
  FROM platform.users u
  WHERE u.is_active AND (lower(u.username) = lower(login) OR lower(u.email) = lower(login))
$$;
COMMENT ON FUNCTION security.find_login IS 'The active user with a name or an address, for the check of a password.';

CREATE FUNCTION security.find_session(token_hash bytea)
RETURNS TABLE (session_id uuid, user_id uuid, role text, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT s.id, s.user_id, u.role, s.expires_at
  FROM platform.user_sessions s
  JOIN platform.users u ON u.id = s.user_id
  WHERE s.session_token_hash = token_hash AND s.is_active AND s.expires_at > now() AND u.is_active
$$;
COMMENT ON FUNCTION security.find_session IS 'The live session of a token, by the SHA-256 of the token.';

CREATE FUNCTION security.find_api_key(hash bytea)
RETURNS TABLE (api_key_id uuid, user_id uuid, role text, permissions jsonb)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT k.id, k.user_id, u.role, k.permissions
  FROM platform.api_keys k
  JOIN platform.users u ON u.id = k.user_id
  WHERE k.key_hash = hash AND k.is_active AND (k.expires_at IS NULL OR k.expires_at > now()) AND u.is_active
$$;
COMMENT ON FUNCTION security.find_api_key IS 'The live API key with a SHA-256.';

REVOKE ALL ON FUNCTION security.find_login(text), security.find_session(bytea), security.find_api_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION security.find_login(text), security.find_session(bytea), security.find_api_key(bytea) TO app;
GRANT SELECT ON platform.projects, platform.user_projects TO readonly;

-- migrate:down

DROP FUNCTION security.find_api_key(bytea);
DROP FUNCTION security.find_session(bytea);
DROP FUNCTION security.find_login(text);
DROP TABLE platform.user_projects;
DROP TABLE platform.projects;
DROP TABLE platform.api_keys;
DROP TABLE platform.user_sessions;
DROP TABLE platform.users;
