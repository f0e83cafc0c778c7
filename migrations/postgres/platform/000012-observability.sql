-- Traces and spans by month, metrics by week, health checks by month, and alerts.
-- No foreign key leads to a trace: its unique key includes its start, which a span does not know.

-- migrate:up

CREATE TABLE observability.traces (
  id             uuid NOT NULL DEFAULT gen_random_uuid(),
  trace_id       platform.label NOT NULL,
  service_name   platform.label NOT NULL,
  operation_name platform.label NOT NULL,
  start_time     timestamptz NOT NULL,
  end_time       timestamptz CHECK (end_time >= start_time),
  duration_ms    integer CHECK (duration_ms >= 0),
  status         text CHECK (status IN ('ok', 'error', 'timeout')),
  tags           platform.json_object NOT NULL DEFAULT '{}',
  logs           platform.json_array NOT NULL DEFAULT '[]',
  process        platform.json_object NOT NULL DEFAULT '{}',
  warnings       text[] NOT NULL DEFAULT '{}',
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, start_time),
  UNIQUE (trace_id, start_time)
) PARTITION BY RANGE (start_time);
COMMENT ON TABLE observability.traces IS 'Distributed traces, by month.';
CREATE INDEX traces_service_name_start_time_idx ON observability.traces (service_name, start_time DESC);
CREATE INDEX traces_tags_idx ON observability.traces USING gin (tags jsonb_path_ops);

CREATE TABLE observability.spans (
  id              uuid NOT NULL DEFAULT gen_random_uuid(),
  trace_id        platform.label NOT NULL,
  span_id         platform.label NOT NULL,
  parent_span_id  platform.label CHECK (parent_span_id <> span_id),
  operation_name  platform.label NOT NULL,
  service_name    platform.label NOT NULL,
  start_time      timestamptz NOT NULL,
  end_time        timestamptz CHECK (end_time >= start_time),
  duration_ms     integer CHECK (duration_ms >= 0),
  status          text CHECK (status IN ('ok', 'error', 'timeout')),
  tags            platform.json_object NOT NULL DEFAULT '{}',
  logs            platform.json_array NOT NULL DEFAULT '[]',
  span_references platform.json_array NOT NULL DEFAULT '[]',
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, start_time),
  UNIQUE (trace_id, span_id, start_time)
) PARTITION BY RANGE (start_time);
COMMENT ON TABLE observability.spans IS 'Operations within traces, by month.';
COMMENT ON COLUMN observability.spans.span_references IS 'Other spans that this one follows from.';
CREATE INDEX spans_trace_id_start_time_idx ON observability.spans (trace_id, start_time);

CREATE TABLE observability.metrics (
  id           uuid NOT NULL DEFAULT gen_random_uuid(),
  metric_name  platform.label NOT NULL,
  metric_type  text NOT NULL CHECK (metric_type IN ('counter', 'gauge', 'histogram', 'summary')),
  service_name platform.label NOT NULL,
  value        double precision NOT NULL,
  labels       platform.json_object NOT NULL DEFAULT '{}',
  recorded_at  timestamptz NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, recorded_at)
) PARTITION BY RANGE (recorded_at);
COMMENT ON TABLE observability.metrics IS 'Measurements of the platform and its services, by ISO week.';
CREATE INDEX metrics_metric_name_recorded_at_idx ON observability.metrics (metric_name, recorded_at DESC);

CREATE TABLE observability.health_checks (
  id               uuid NOT NULL DEFAULT gen_random_uuid(),
  service_name     platform.label NOT NULL,
  endpoint_url     text NOT NULL CHECK (endpoint_url <> ''),
  status           text NOT NULL CHECK (status IN ('healthy', 'unhealthy', 'unknown')),
  response_time_ms integer CHECK (response_time_ms >= 0),
  status_code      integer CHECK (status_code BETWEEN 100 AND 599),
  error_message    text,
  additional_info  platform.json_object NOT NULL DEFAULT '{}',
  checked_at       timestamptz NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, checked_at)
) PARTITION BY RANGE (checked_at);
COMMENT ON TABLE observability.health_checks IS 'Results of health checks, by month.';
CREATE INDEX health_checks_service_name_checked_at_idx ON observability.health_checks (service_name, checked_at DESC);

CREATE TABLE observability.alerts (
  id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  alert_name          platform.label NOT NULL UNIQUE,
  alert_type          text NOT NULL CHECK (alert_type IN ('metric', 'health', 'error', 'performance')),
  severity            text NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
  service_name        platform.label,
  condition_config    platform.json_object NOT NULL,
  notification_config platform.json_object NOT NULL DEFAULT '{}',
  is_active           boolean NOT NULL DEFAULT true,
  last_triggered      timestamptz,
  trigger_count       bigint NOT NULL DEFAULT 0 CHECK (trigger_count >= 0),
  created_by          uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE observability.alerts IS 'Conditions that notify somebody.';
CREATE INDEX alerts_created_by_idx ON observability.alerts (created_by);
CREATE TRIGGER alerts_touch_updated_at BEFORE UPDATE ON observability.alerts
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE observability.traces_default PARTITION OF observability.traces DEFAULT;
CREATE TABLE observability.spans_default PARTITION OF observability.spans DEFAULT;
CREATE TABLE observability.metrics_default PARTITION OF observability.metrics DEFAULT;
CREATE TABLE observability.health_checks_default PARTITION OF observability.health_checks DEFAULT;
COMMENT ON TABLE observability.traces_default IS 'Traces outside every partition.';
COMMENT ON TABLE observability.spans_default IS 'Spans outside every partition.';
COMMENT ON TABLE observability.metrics_default IS 'Metrics outside every partition.';
COMMENT ON TABLE observability.health_checks_default IS 'Health checks outside every partition.';
REVOKE ALL ON observability.traces_default, observability.spans_default, observability.metrics_default,
  observability.health_checks_default FROM app, readonly;
INSERT INTO platform.partition_policies (schema_name, table_name, granularity, periods_ahead, retention) VALUES
  ('observability', 'traces', 'month', 3, interval '12 months'),
  ('observability', 'spans', 'month', 3, interval '12 months'),
  ('observability', 'metrics', 'week', 4, interval '13 weeks'),
  ('observability', 'health_checks', 'month', 3, interval '3 months');
SELECT platform.maintain_table(schema_name, table_name)
FROM platform.partition_policies WHERE schema_name = 'observability';

-- migrate:down

DROP TABLE observability.alerts;
DELETE FROM platform.partition_policies WHERE schema_name = 'observability';
DROP TABLE observability.health_checks;
DROP TABLE observability.metrics;
DROP TABLE observability.spans;
DROP TABLE observability.traces;
