-- Users, projects and who works on which project.
-- Schema "platform" exists already: it holds the history of these files.

-- migrate:up

CREATE FUNCTION platform.touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

CREATE TABLE platform.users (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  username      text NOT NULL CHECK (username = btrim(username) AND length(username) BETWEEN 1 AND 255),
  email         text NOT NULL CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(email) <= 255),
  password_hash text NOT NULL CHECK (password_hash <> ''),
  first_name    text,
  last_name     text,
  avatar_url    text,
  is_active     boolean NOT NULL DEFAULT true,
  is_verified   boolean NOT NULL DEFAULT false,
  last_login    timestamptz,
  preferences   jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(preferences) = 'object'),
  metadata      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now()
);

-- Names and addresses are unique whatever their case.
CREATE UNIQUE INDEX users_username_key ON platform.users (lower(username));
CREATE UNIQUE INDEX users_email_key ON platform.users (lower(email));

CREATE TRIGGER users_touch_updated_at BEFORE UPDATE ON platform.users
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE platform.projects (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name        text NOT NULL UNIQUE CHECK (name = btrim(name) AND length(name) BETWEEN 1 AND 255),
  description text,
  tags        text[] NOT NULL DEFAULT '{}',
  is_default  boolean NOT NULL DEFAULT false,
  settings    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
  created_by  uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  updated_by  uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);

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
  permissions jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(permissions) = 'array'),
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, project_id)
);

CREATE INDEX user_projects_project_id_idx ON platform.user_projects (project_id);

-- migrate:down

DROP TABLE platform.user_projects;
DROP TABLE platform.projects;
DROP TABLE platform.users;
DROP FUNCTION platform.touch_updated_at();
