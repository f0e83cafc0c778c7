-- Agents: what they are, the state they are in, and what they have run.

-- migrate:up

CREATE TABLE services.agents (
  id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name               platform.label NOT NULL,
  type               platform.label NOT NULL DEFAULT 'assistant',
  description        text,
  tags               text[] NOT NULL DEFAULT '{}',
  project_tags       text[] NOT NULL DEFAULT '{}',
  status             text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'draft', 'archived')),
  category           platform.label,
  framework          platform.label,
  model              platform.label,
  version            platform.label NOT NULL DEFAULT '1.0.0',
  configuration      platform.json_object NOT NULL DEFAULT '{}',
  capabilities       platform.json_array NOT NULL DEFAULT '[]',
  input_schema       platform.json_object,
  output_schema      platform.json_object,
  performance_config platform.json_object NOT NULL DEFAULT '{}',
  resource_limits    platform.json_object NOT NULL DEFAULT '{}',
  last_executed      timestamptz,
  execution_count    bigint NOT NULL DEFAULT 0 CHECK (execution_count >= 0),
  success_rate       numeric(5, 2) NOT NULL DEFAULT 0 CHECK (success_rate BETWEEN 0 AND 100),
  avg_response_time  integer NOT NULL DEFAULT 0 CHECK (avg_response_time >= 0),
  created_by         uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  updated_by         uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  UNIQUE (name, version)
);
COMMENT ON TABLE services.agents IS 'Definitions of agents: configuration and capabilities.';
COMMENT ON COLUMN services.agents.success_rate IS 'Percent.';
COMMENT ON COLUMN services.agents.avg_response_time IS 'Milliseconds.';
CREATE INDEX agents_status_category_idx ON services.agents (status, category);
CREATE INDEX agents_capabilities_idx ON services.agents USING gin (capabilities jsonb_path_ops);
CREATE INDEX agents_project_tags_idx ON services.agents USING gin (project_tags);
CREATE INDEX agents_created_by_idx ON services.agents (created_by);
CREATE INDEX agents_updated_by_idx ON services.agents (updated_by);
CREATE TRIGGER agents_touch_updated_at BEFORE UPDATE ON services.agents
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.agent_states (
  agent_id       uuid PRIMARY KEY REFERENCES services.agents (id) ON DELETE CASCADE,
  status         text NOT NULL DEFAULT 'stopped' CHECK (status IN ('starting', 'idle', 'busy', 'stopped', 'failed')),
  current_load   integer NOT NULL DEFAULT 0 CHECK (current_load >= 0),
  state          platform.json_object NOT NULL DEFAULT '{}',
  last_error     text,
  last_heartbeat timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now()
)
-- Rewritten with every heartbeat: room on the page keeps those updates out of the indexes.
WITH (fillfactor = 70);
COMMENT ON TABLE services.agent_states IS 'State of each agent at run time.';
COMMENT ON COLUMN services.agent_states.current_load IS 'Executions under way.';
CREATE INDEX agent_states_status_idx ON services.agent_states (status);
CREATE TRIGGER agent_states_touch_updated_at BEFORE UPDATE ON services.agent_states
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.agent_executions (
  id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  agent_id            uuid NOT NULL REFERENCES services.agents (id) ON DELETE CASCADE,
  execution_id        platform.label NOT NULL,
  input_data          jsonb,
  output_data         jsonb,
  status              text NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'timeout')),
  error_message       text,
  error_details       jsonb,
  performance_metrics platform.json_object,
  resource_usage      platform.json_object,
  execution_time_ms   integer CHECK (execution_time_ms >= 0),
  started_at          timestamptz NOT NULL DEFAULT now(),
  completed_at        timestamptz,
  trace_id            text,
  span_id             text,
  UNIQUE (agent_id, execution_id)
);
COMMENT ON TABLE services.agent_executions IS 'What agents have run.';
CREATE INDEX agent_executions_agent_id_started_at_idx ON services.agent_executions (agent_id, started_at DESC);
CREATE INDEX agent_executions_running_idx ON services.agent_executions (started_at) WHERE status = 'running';
CREATE INDEX agent_executions_trace_id_idx ON services.agent_executions (trace_id) WHERE trace_id IS NOT NULL;

GRANT SELECT ON services.agents TO readonly;

-- migrate:down

DROP TABLE services.agent_executions;
DROP TABLE services.agent_states;
DROP TABLE services.agents;
