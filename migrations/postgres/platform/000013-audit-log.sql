-- Audit log of the applications. What is done by SQL itself is in the server's log, by pgaudit.

-- migrate:up

-- Without foreign keys: an entry outlives what it tells of.
CREATE TABLE security.audit_logs (
  id          uuid NOT NULL DEFAULT gen_random_uuid(),
  action      platform.label NOT NULL,
  actor_type  text NOT NULL DEFAULT 'user' CHECK (actor_type IN ('user', 'agent', 'system')),
  user_id     uuid,
  agent_id    uuid,
  object_type platform.label,
  object_id   text,
  outcome     text NOT NULL DEFAULT 'success' CHECK (outcome IN ('success', 'denied', 'failure')),
  details     platform.json_object NOT NULL DEFAULT '{}',
  ip_address  inet,
  trace_id    text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at),
  CONSTRAINT audit_logs_actor CHECK (actor_type <> 'user' OR user_id IS NOT NULL)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE security.audit_logs IS 'Who did what, by month; applications can add entries and change none. Personal data.';
COMMENT ON COLUMN security.audit_logs.object_type IS 'Table of the object, such as services.documents.';
CREATE INDEX audit_logs_user_id_created_at_idx ON security.audit_logs (user_id, created_at DESC);
CREATE INDEX audit_logs_action_created_at_idx ON security.audit_logs (action, created_at DESC);
CREATE INDEX audit_logs_object_idx ON security.audit_logs (object_type, object_id);

ALTER TABLE security.audit_logs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON security.audit_logs FOR SELECT USING (user_id = (SELECT security.current_user_id()));
-- In the name of the user of the session, or of nobody.
CREATE POLICY add_rows ON security.audit_logs FOR INSERT
  WITH CHECK (user_id IS NULL OR user_id = (SELECT security.current_user_id()));

CREATE TABLE security.audit_logs_default PARTITION OF security.audit_logs DEFAULT;
COMMENT ON TABLE security.audit_logs_default IS 'Entries outside every partition.';
REVOKE UPDATE, DELETE ON security.audit_logs FROM app;
REVOKE ALL ON security.audit_logs_default FROM app, readonly;

-- An expired month stays as a table of its own, to be archived before somebody drops it.
INSERT INTO platform.partition_policies (schema_name, table_name, granularity, periods_ahead, retention, expiry)
VALUES ('security', 'audit_logs', 'month', 3, interval '24 months', 'detach');
SELECT platform.maintain_table('security', 'audit_logs');

-- migrate:down

DELETE FROM platform.partition_policies WHERE (schema_name, table_name) = ('security', 'audit_logs');
DROP TABLE security.audit_logs;
