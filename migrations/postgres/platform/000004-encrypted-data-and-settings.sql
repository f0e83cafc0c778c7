-- Versions of the encryption keys, profiles with encrypted columns, and configuration.
-- The application encrypts with AES-256-GCM through Vault's transit engine; keys never reach the database.

-- migrate:up

-- Fixed by the algorithm.
-- squawk-ignore ban-create-domain-with-constraint
CREATE DOMAIN security.ciphertext AS bytea CHECK (octet_length(VALUE) BETWEEN 29 AND 1048576);
COMMENT ON DOMAIN security.ciphertext IS
  'AES-256-GCM: nonce (12 octets), encrypted text (at least 1), tag (16); the additional data is schema.table.column:id.';

CREATE TABLE security.encryption_keys (
  name       platform.label NOT NULL,
  version    integer NOT NULL CHECK (version > 0),
  algorithm  text NOT NULL DEFAULT 'aes256-gcm96' CHECK (algorithm = 'aes256-gcm96'),
  is_current boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz CHECK (retired_at >= created_at),
  PRIMARY KEY (name, version),
  CHECK (is_current = (retired_at IS NULL))
);
COMMENT ON TABLE security.encryption_keys IS
  'Key versions that rows are encrypted with, named as in Vault; a version in use cannot be deleted.';
CREATE UNIQUE INDEX encryption_keys_one_current ON security.encryption_keys (name) WHERE is_current;
REVOKE DELETE ON security.encryption_keys FROM app;

CREATE TABLE platform.user_profiles (
  user_id                uuid PRIMARY KEY REFERENCES platform.users (id) ON DELETE CASCADE,
  locale                 text NOT NULL DEFAULT 'en' CHECK (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'),
  timezone               text NOT NULL DEFAULT 'UTC' CHECK (timezone <> ''),
  learning_goals         platform.json_array NOT NULL DEFAULT '[]',
  phone_ciphertext       security.ciphertext,
  address_ciphertext     security.ciphertext,
  birth_date_ciphertext  security.ciphertext,
  encryption_key         text,
  encryption_key_version integer,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (encryption_key, encryption_key_version) REFERENCES security.encryption_keys (name, version),
  CONSTRAINT user_profiles_encrypted CHECK (
    num_nonnulls(encryption_key, encryption_key_version)
    = CASE WHEN num_nonnulls(phone_ciphertext, address_ciphertext, birth_date_ciphertext) = 0 THEN 0 ELSE 2 END
  )
);
COMMENT ON TABLE platform.user_profiles IS 'What a user tells about themselves; personal data, the sensitive part encrypted.';
CREATE INDEX user_profiles_encryption_key_idx ON platform.user_profiles (encryption_key, encryption_key_version);
CREATE TRIGGER user_profiles_touch_updated_at BEFORE UPDATE ON platform.user_profiles
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();
ALTER TABLE platform.user_profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON platform.user_profiles USING (user_id = (SELECT security.current_user_id()));

CREATE TABLE platform.environment_variables (
  id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name                   platform.label NOT NULL,
  value                  text,
  value_ciphertext       security.ciphertext,
  encryption_key         text,
  encryption_key_version integer,
  description            text,
  category               text NOT NULL CHECK (category IN ('llm', 'database', 'api', 'auth', 'system', 'integration')),
  is_secret              boolean NOT NULL DEFAULT false,
  is_required            boolean NOT NULL DEFAULT false,
  scope                  text NOT NULL CHECK (scope IN ('global', 'development', 'staging', 'production')),
  created_by             uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  updated_by             uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now(),
  UNIQUE (name, scope),
  FOREIGN KEY (encryption_key, encryption_key_version) REFERENCES security.encryption_keys (name, version),
  -- A secret is encrypted and nothing else is.
  CONSTRAINT environment_variables_encrypted CHECK (
    CASE WHEN is_secret
      THEN value IS NULL AND num_nulls(value_ciphertext, encryption_key, encryption_key_version) = 0
      ELSE value IS NOT NULL AND num_nonnulls(value_ciphertext, encryption_key, encryption_key_version) = 0
    END
  )
);
COMMENT ON TABLE platform.environment_variables IS 'Variables of the services, per scope; secret values are encrypted.';
CREATE INDEX environment_variables_encryption_key_idx
  ON platform.environment_variables (encryption_key, encryption_key_version);
CREATE INDEX environment_variables_created_by_idx ON platform.environment_variables (created_by);
CREATE INDEX environment_variables_updated_by_idx ON platform.environment_variables (updated_by);
CREATE TRIGGER environment_variables_touch_updated_at BEFORE UPDATE ON platform.environment_variables
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE platform.system_config (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  key         platform.label NOT NULL UNIQUE,
  value       jsonb NOT NULL,
  description text,
  category    platform.label,
  is_public   boolean NOT NULL DEFAULT false,
  version     integer NOT NULL DEFAULT 1 CHECK (version > 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.system_config IS 'Settings of the platform itself; no secrets.';
CREATE TRIGGER system_config_touch_updated_at BEFORE UPDATE ON platform.system_config
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

-- migrate:down

DROP TABLE platform.system_config;
DROP TABLE platform.environment_variables;
DROP TABLE platform.user_profiles;
DROP TABLE security.encryption_keys;
DROP DOMAIN security.ciphertext;
