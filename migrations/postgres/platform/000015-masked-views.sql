-- What "readonly" may see of the tables that hold personal data, secrets or contents.
-- The views read as their owner, whom row security does not bind; security_barrier keeps a caller's own conditions
-- from seeing rows or columns before the view has masked them.

-- migrate:up

CREATE FUNCTION security.mask(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN pg_catalog.left(value, 1) OPERATOR(pg_catalog.||) '***';
COMMENT ON FUNCTION security.mask IS 'The first character and three asterisks; null stays null.';

-- The view calls it in the name of whoever reads the view.
CREATE VIEW masked.users WITH (security_barrier) AS
SELECT id, security.mask(username) AS username, security.mask(email) AS email, role, is_active, is_verified, last_login,
  created_at, updated_at
FROM platform.users;

CREATE VIEW masked.user_profiles WITH (security_barrier) AS
SELECT user_id, locale, timezone, phone_ciphertext IS NOT NULL AS has_phone, address_ciphertext IS NOT NULL AS has_address,
  birth_date_ciphertext IS NOT NULL AS has_birth_date, encryption_key, encryption_key_version, created_at, updated_at
FROM platform.user_profiles;

-- A network of 256 (IPv4) or 2^80 (IPv6) addresses instead of the address.
CREATE VIEW masked.user_sessions WITH (security_barrier) AS
SELECT id, user_id, network(set_masklen(ip_address, CASE family(ip_address) WHEN 4 THEN 24 ELSE 48 END)) AS network,
  is_active, expires_at, created_at
FROM platform.user_sessions;

CREATE VIEW masked.api_keys WITH (security_barrier) AS
SELECT id, user_id, permissions, last_used, expires_at, is_active, created_at
FROM platform.api_keys;

CREATE VIEW masked.user_interactions WITH (security_barrier) AS
SELECT id, user_id, kind, agent_id, document_id, subject, trace_id, created_at
FROM platform.user_interactions;

CREATE VIEW masked.user_mastery_levels WITH (security_barrier) AS
SELECT subject, count(*) AS users, avg(level) AS average_level, avg(confidence) AS average_confidence
FROM platform.user_mastery_levels
GROUP BY subject;

CREATE VIEW masked.environment_variables WITH (security_barrier) AS
SELECT id, name, description, category, is_secret, is_required, scope, encryption_key, encryption_key_version, created_by,
  updated_by, created_at, updated_at
FROM platform.environment_variables;

CREATE VIEW masked.system_config WITH (security_barrier) AS
SELECT id, key, CASE WHEN is_public THEN value END AS value, description, category, is_public, version, created_at, updated_at
FROM platform.system_config;

CREATE VIEW masked.messages WITH (security_barrier) AS
SELECT id, message_id, from_agent, to_agent, method, status, error_code, trace_id, span_id, performance_metrics, created_at,
  processed_at, completed_at
FROM a2a.messages;

CREATE VIEW masked.agent_states WITH (security_barrier) AS
SELECT agent_id, status, current_load, last_heartbeat, created_at, updated_at
FROM services.agent_states;

CREATE VIEW masked.agent_executions WITH (security_barrier) AS
SELECT id, agent_id, execution_id, status, performance_metrics, resource_usage, execution_time_ms, started_at, completed_at,
  trace_id, span_id
FROM services.agent_executions;

CREATE VIEW masked.tool_instances WITH (security_barrier) AS
SELECT id, tool_template_id, name, display_name, description, status, environment_scope, project_tags, performance_metrics,
  last_health_check, encryption_key, encryption_key_version, created_at, updated_at
FROM services.tool_instances;

CREATE VIEW masked.mcp_servers WITH (security_barrier) AS
SELECT id, name, display_name, description, protocol_version, authentication_type, status, capabilities, discovered_tools,
  last_sync, sync_interval_minutes, project_tags, encryption_key, encryption_key_version, created_at, updated_at
FROM services.mcp_servers;

CREATE VIEW masked.tool_executions WITH (security_barrier) AS
SELECT id, tool_instance_id, execution_id, tool_name, status, execution_time_ms, resource_usage, started_at, completed_at,
  trace_id, executed_by
FROM services.tool_executions;

CREATE VIEW masked.workflow_executions WITH (security_barrier) AS
SELECT id, workflow_id, status, current_step, step_statuses, step_timings, performance_metrics, resource_usage, started_at,
  completed_at, priority, timeout_seconds, project_tags, executed_by, trace_id, created_at, updated_at
FROM services.workflow_executions;

CREATE VIEW masked.documents WITH (security_barrier) AS
SELECT id, file_type, file_size, tags, project_tags, processing_status, indexed_at, uploaded_by, created_at, updated_at
FROM services.documents;

CREATE VIEW masked.search_sessions WITH (security_barrier) AS
SELECT id, length(query_text) AS query_length, query_type, collection_id, results_count, execution_time_ms,
  similarity_threshold, created_at
FROM services.search_sessions;

CREATE VIEW masked.tasks WITH (security_barrier) AS
SELECT id, status, priority, assigned_agent_id, project_id, parent_task_id, due_at, completed_at, created_by, created_at,
  updated_at
FROM services.tasks;

CREATE VIEW masked.task_messages WITH (security_barrier) AS
SELECT id, task_id, sender_type, sender_agent_id, length(message) AS message_length, created_at
FROM services.task_messages;

CREATE VIEW masked.audit_logs WITH (security_barrier) AS
SELECT id, action, actor_type, user_id, agent_id, object_type, object_id, outcome, trace_id, created_at
FROM security.audit_logs;

-- migrate:down

DROP VIEW masked.audit_logs;
DROP VIEW masked.task_messages;
DROP VIEW masked.tasks;
DROP VIEW masked.search_sessions;
DROP VIEW masked.documents;
DROP VIEW masked.workflow_executions;
DROP VIEW masked.tool_executions;
DROP VIEW masked.mcp_servers;
DROP VIEW masked.tool_instances;
DROP VIEW masked.agent_executions;
DROP VIEW masked.agent_states;
DROP VIEW masked.messages;
DROP VIEW masked.system_config;
DROP VIEW masked.environment_variables;
DROP VIEW masked.user_mastery_levels;
DROP VIEW masked.user_interactions;
DROP VIEW masked.api_keys;
DROP VIEW masked.user_sessions;
DROP VIEW masked.user_profiles;
DROP VIEW masked.users;
DROP FUNCTION security.mask(text);
