-- Tools: templates, configured instances, MCP servers, and what was executed.

-- migrate:up

CREATE TABLE services.tool_templates (
  id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name                 platform.label NOT NULL UNIQUE,
  display_name         platform.label NOT NULL,
  description          text,
  category             platform.label NOT NULL,
  type                 platform.label NOT NULL,
  version              platform.label NOT NULL DEFAULT '1.0.0',
  is_active            boolean NOT NULL DEFAULT true,
  icon                 text,
  tags                 text[] NOT NULL DEFAULT '{}',
  project_tags         text[] NOT NULL DEFAULT '{}',
  input_schema         platform.json_object,
  output_schema        platform.json_object,
  configuration_schema platform.json_object,
  health_check_config  platform.json_object,
  created_by           uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at           timestamptz NOT NULL DEFAULT now(),
  updated_at           timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE services.tool_templates IS 'Kinds of tools that can be set up.';
CREATE INDEX tool_templates_created_by_idx ON services.tool_templates (created_by);
CREATE TRIGGER tool_templates_touch_updated_at BEFORE UPDATE ON services.tool_templates
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.tool_instances (
  id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tool_template_id       uuid NOT NULL REFERENCES services.tool_templates (id) ON DELETE CASCADE,
  name                   platform.label NOT NULL,
  display_name           platform.label NOT NULL,
  description            text,
  status                 text NOT NULL DEFAULT 'inactive' CHECK (status IN ('active', 'inactive', 'error', 'testing')),
  configuration          platform.json_object NOT NULL DEFAULT '{}',
  credentials_ciphertext security.ciphertext,
  encryption_key         text,
  encryption_key_version integer,
  environment_scope      text NOT NULL DEFAULT 'development'
    CHECK (environment_scope IN ('global', 'development', 'staging', 'production')),
  project_tags           text[] NOT NULL DEFAULT '{}',
  health_url             text,
  dns_name               text,
  performance_metrics    platform.json_object NOT NULL DEFAULT '{}',
  last_health_check      timestamptz,
  created_by             uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now(),
  UNIQUE (name, environment_scope),
  FOREIGN KEY (encryption_key, encryption_key_version) REFERENCES security.encryption_keys (name, version),
  CONSTRAINT tool_instances_encrypted CHECK (
    num_nonnulls(encryption_key, encryption_key_version)
    = CASE WHEN credentials_ciphertext IS NULL THEN 0 ELSE 2 END
  )
);
COMMENT ON TABLE services.tool_instances IS 'Tools set up for an environment; their credentials are encrypted.';
CREATE INDEX tool_instances_encryption_key_idx ON services.tool_instances (encryption_key, encryption_key_version);
CREATE INDEX tool_instances_project_tags_idx ON services.tool_instances USING gin (project_tags);
CREATE INDEX tool_instances_tool_template_id_idx ON services.tool_instances (tool_template_id);
CREATE INDEX tool_instances_created_by_idx ON services.tool_instances (created_by);
CREATE TRIGGER tool_instances_touch_updated_at BEFORE UPDATE ON services.tool_instances
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.mcp_servers (
  id                        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name                      platform.label NOT NULL UNIQUE,
  display_name              platform.label NOT NULL,
  description               text,
  server_url                text NOT NULL CHECK (server_url <> ''),
  protocol_version          platform.label NOT NULL DEFAULT '1.0',
  authentication_type       text NOT NULL DEFAULT 'none' CHECK (authentication_type IN ('none', 'api_key', 'oauth', 'basic')),
  authentication_config     platform.json_object NOT NULL DEFAULT '{}',
  authentication_ciphertext security.ciphertext,
  encryption_key            text,
  encryption_key_version    integer,
  health_check_url          text,
  status                    text NOT NULL DEFAULT 'inactive' CHECK (status IN ('active', 'inactive', 'error', 'maintenance')),
  capabilities              platform.json_array NOT NULL DEFAULT '[]',
  discovered_tools          platform.json_array NOT NULL DEFAULT '[]',
  last_sync                 timestamptz,
  sync_interval_minutes     integer NOT NULL DEFAULT 60 CHECK (sync_interval_minutes > 0),
  project_tags              text[] NOT NULL DEFAULT '{}',
  created_at                timestamptz NOT NULL DEFAULT now(),
  updated_at                timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (encryption_key, encryption_key_version) REFERENCES security.encryption_keys (name, version),
  CONSTRAINT mcp_servers_encrypted CHECK (
    num_nonnulls(encryption_key, encryption_key_version)
    = CASE WHEN authentication_ciphertext IS NULL THEN 0 ELSE 2 END
  ),
  CONSTRAINT mcp_servers_no_clear_secret CHECK (
    NOT jsonb_exists_any(authentication_config, ARRAY['password', 'secret', 'client_secret', 'token', 'api_key'])
  )
);
COMMENT ON TABLE services.mcp_servers IS 'MCP servers whose tools agents may use; their credentials are encrypted.';
COMMENT ON COLUMN services.mcp_servers.authentication_config IS 'What is no secret, such as the client id and the token URL.';
CREATE INDEX mcp_servers_encryption_key_idx ON services.mcp_servers (encryption_key, encryption_key_version);
CREATE INDEX mcp_servers_status_idx ON services.mcp_servers (status);
CREATE TRIGGER mcp_servers_touch_updated_at BEFORE UPDATE ON services.mcp_servers
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.tool_executions (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tool_instance_id  uuid NOT NULL REFERENCES services.tool_instances (id) ON DELETE CASCADE,
  execution_id      platform.label NOT NULL,
  tool_name         platform.label NOT NULL,
  input_parameters  jsonb,
  output_result     jsonb,
  status            text NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
  error_message     text,
  error_details     jsonb,
  execution_time_ms integer CHECK (execution_time_ms >= 0),
  resource_usage    platform.json_object,
  started_at        timestamptz NOT NULL DEFAULT now(),
  completed_at      timestamptz,
  trace_id          text,
  executed_by       uuid REFERENCES platform.users (id) ON DELETE SET NULL
);
COMMENT ON TABLE services.tool_executions IS 'What tools have executed.';
CREATE INDEX tool_executions_status_started_at_idx ON services.tool_executions (status, started_at DESC);
CREATE INDEX tool_executions_trace_id_idx ON services.tool_executions (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX tool_executions_tool_instance_id_idx ON services.tool_executions (tool_instance_id);
CREATE INDEX tool_executions_execution_id_idx ON services.tool_executions (execution_id);
CREATE INDEX tool_executions_executed_by_idx ON services.tool_executions (executed_by);

GRANT SELECT ON services.tool_templates TO readonly;

-- migrate:down

DROP TABLE services.tool_executions;
DROP TABLE services.mcp_servers;
DROP TABLE services.tool_instances;
DROP TABLE services.tool_templates;
