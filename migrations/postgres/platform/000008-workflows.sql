-- Workflows: definitions, templates, schedules and executions.

-- migrate:up

CREATE TABLE services.workflow_definitions (
  id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name                platform.label NOT NULL UNIQUE,
  display_name        platform.label NOT NULL,
  description         text,
  version             platform.label NOT NULL DEFAULT '1.0.0',
  status              text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'inactive', 'archived')),
  category            platform.label,
  complexity          text NOT NULL DEFAULT 'simple' CHECK (complexity IN ('simple', 'moderate', 'complex')),
  tags                text[] NOT NULL DEFAULT '{}',
  project_tags        text[] NOT NULL DEFAULT '{}',
  steps               platform.json_array NOT NULL DEFAULT '[]',
  variables           platform.json_object NOT NULL DEFAULT '{}',
  triggers            platform.json_array NOT NULL DEFAULT '[]',
  timeout_seconds     integer NOT NULL DEFAULT 3600 CHECK (timeout_seconds > 0),
  retry_config        platform.json_object NOT NULL DEFAULT '{}',
  notification_config platform.json_object NOT NULL DEFAULT '{}',
  is_template         boolean NOT NULL DEFAULT false,
  is_public           boolean NOT NULL DEFAULT false,
  execution_count     bigint NOT NULL DEFAULT 0 CHECK (execution_count >= 0),
  success_rate        numeric(5, 2) NOT NULL DEFAULT 0 CHECK (success_rate BETWEEN 0 AND 100),
  avg_execution_time  integer NOT NULL DEFAULT 0 CHECK (avg_execution_time >= 0),
  last_executed       timestamptz,
  created_by          uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  updated_by          uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE services.workflow_definitions IS 'Workflows that can be run.';
CREATE INDEX workflow_definitions_status_category_idx ON services.workflow_definitions (status, category);
CREATE INDEX workflow_definitions_project_tags_idx ON services.workflow_definitions USING gin (project_tags);
CREATE INDEX workflow_definitions_created_by_idx ON services.workflow_definitions (created_by);
CREATE INDEX workflow_definitions_updated_by_idx ON services.workflow_definitions (updated_by);
CREATE TRIGGER workflow_definitions_touch_updated_at BEFORE UPDATE ON services.workflow_definitions
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.workflow_executions (
  id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workflow_id         uuid NOT NULL REFERENCES services.workflow_definitions (id) ON DELETE CASCADE,
  execution_name      platform.label,
  status              text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'timeout')),
  current_step        text,
  input_data          platform.json_object NOT NULL DEFAULT '{}',
  output_data         platform.json_object NOT NULL DEFAULT '{}',
  variables           platform.json_object NOT NULL DEFAULT '{}',
  step_results        platform.json_object NOT NULL DEFAULT '{}',
  step_statuses       platform.json_object NOT NULL DEFAULT '{}',
  step_timings        platform.json_object NOT NULL DEFAULT '{}',
  a2a_messages        platform.json_array NOT NULL DEFAULT '[]',
  error_message       text,
  error_details       jsonb,
  performance_metrics platform.json_object,
  resource_usage      platform.json_object,
  started_at          timestamptz,
  completed_at        timestamptz CHECK (completed_at >= started_at),
  priority            integer NOT NULL DEFAULT 0,
  timeout_seconds     integer CHECK (timeout_seconds > 0),
  project_tags        text[] NOT NULL DEFAULT '{}',
  executed_by         uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  execution_context   platform.json_object NOT NULL DEFAULT '{}',
  trace_id            text,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE services.workflow_executions IS 'Runs of workflows, step by step.';
COMMENT ON COLUMN services.workflow_executions.a2a_messages IS 'Values of a2a.messages.message_id.';
CREATE INDEX workflow_executions_status_created_at_idx ON services.workflow_executions (status, created_at DESC);
CREATE INDEX workflow_executions_project_tags_idx ON services.workflow_executions USING gin (project_tags);
CREATE INDEX workflow_executions_trace_id_idx ON services.workflow_executions (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX workflow_executions_workflow_id_idx ON services.workflow_executions (workflow_id);
CREATE INDEX workflow_executions_executed_by_idx ON services.workflow_executions (executed_by);
CREATE TRIGGER workflow_executions_touch_updated_at BEFORE UPDATE ON services.workflow_executions
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.workflow_templates (
  id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name                platform.label NOT NULL UNIQUE,
  display_name        platform.label NOT NULL,
  description         text,
  category            platform.label NOT NULL,
  template_definition platform.json_object NOT NULL,
  parameters          platform.json_array NOT NULL DEFAULT '[]',
  tags                text[] NOT NULL DEFAULT '{}',
  project_tags        text[] NOT NULL DEFAULT '{}',
  is_active           boolean NOT NULL DEFAULT true,
  usage_count         bigint NOT NULL DEFAULT 0 CHECK (usage_count >= 0),
  rating              numeric(2, 1) NOT NULL DEFAULT 0 CHECK (rating BETWEEN 0 AND 5),
  created_by          uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE services.workflow_templates IS 'Patterns that workflows are made from.';
CREATE INDEX workflow_templates_created_by_idx ON services.workflow_templates (created_by);
CREATE TRIGGER workflow_templates_touch_updated_at BEFORE UPDATE ON services.workflow_templates
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.workflow_schedules (
  id                        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workflow_id               uuid NOT NULL REFERENCES services.workflow_definitions (id) ON DELETE CASCADE,
  name                      platform.label NOT NULL,
  cron_expression           text CHECK (cron_expression <> ''),
  interval_seconds          integer CHECK (interval_seconds > 0),
  timezone                  text NOT NULL DEFAULT 'UTC' CHECK (timezone <> ''),
  is_active                 boolean NOT NULL DEFAULT true,
  max_concurrent_executions integer NOT NULL DEFAULT 1 CHECK (max_concurrent_executions > 0),
  retry_failed              boolean NOT NULL DEFAULT false,
  default_input             platform.json_object NOT NULL DEFAULT '{}',
  default_variables         platform.json_object NOT NULL DEFAULT '{}',
  project_tags              text[] NOT NULL DEFAULT '{}',
  next_run_at               timestamptz,
  last_run_at               timestamptz,
  run_count                 bigint NOT NULL DEFAULT 0 CHECK (run_count >= 0),
  created_by                uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at                timestamptz NOT NULL DEFAULT now(),
  updated_at                timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workflow_id, name),
  CONSTRAINT workflow_schedules_one_rhythm CHECK (num_nonnulls(cron_expression, interval_seconds) = 1)
);
COMMENT ON TABLE services.workflow_schedules IS 'When workflows start by themselves: a cron expression or an interval.';
CREATE INDEX workflow_schedules_due_idx ON services.workflow_schedules (next_run_at) WHERE is_active;
CREATE INDEX workflow_schedules_created_by_idx ON services.workflow_schedules (created_by);
CREATE TRIGGER workflow_schedules_touch_updated_at BEFORE UPDATE ON services.workflow_schedules
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

GRANT SELECT ON services.workflow_definitions, services.workflow_templates, services.workflow_schedules TO readonly;

-- migrate:down

DROP TABLE services.workflow_schedules;
DROP TABLE services.workflow_templates;
DROP TABLE services.workflow_executions;
DROP TABLE services.workflow_definitions;
