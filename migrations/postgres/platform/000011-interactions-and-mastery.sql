-- What users do on the platform, and how well they master what they learn.

-- migrate:up

CREATE TABLE platform.user_interactions (
  id          uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id     uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  kind        text NOT NULL CHECK (kind IN ('message', 'search', 'view', 'lesson', 'exercise', 'feedback')),
  agent_id    uuid REFERENCES services.agents (id) ON DELETE SET NULL,
  document_id uuid REFERENCES services.documents (id) ON DELETE SET NULL,
  subject     platform.label,
  details     platform.json_object NOT NULL DEFAULT '{}',
  trace_id    text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE platform.user_interactions IS 'History of what users did, by month; personal data.';
CREATE INDEX user_interactions_user_id_created_at_idx ON platform.user_interactions (user_id, created_at DESC);
CREATE INDEX user_interactions_agent_id_idx ON platform.user_interactions (agent_id);
CREATE INDEX user_interactions_document_id_idx ON platform.user_interactions (document_id);
ALTER TABLE platform.user_interactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON platform.user_interactions USING (user_id = (SELECT security.current_user_id()));

CREATE TABLE platform.user_interactions_default PARTITION OF platform.user_interactions DEFAULT;
COMMENT ON TABLE platform.user_interactions_default IS 'Interactions outside every partition.';
REVOKE ALL ON platform.user_interactions_default FROM app, readonly;
INSERT INTO platform.partition_policies (schema_name, table_name, granularity, periods_ahead, retention)
VALUES ('platform', 'user_interactions', 'month', 3, interval '24 months');
SELECT platform.maintain_table('platform', 'user_interactions');

CREATE TABLE platform.user_mastery_levels (
  user_id           uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  subject           platform.label NOT NULL,
  level             numeric(5, 4) NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 1),
  confidence        numeric(5, 4) NOT NULL DEFAULT 0 CHECK (confidence BETWEEN 0 AND 1),
  evidence_count    integer NOT NULL DEFAULT 0 CHECK (evidence_count >= 0),
  last_practised_at timestamptz,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, subject)
);
COMMENT ON TABLE platform.user_mastery_levels IS 'How well a user masters a subject; personal data.';
COMMENT ON COLUMN platform.user_mastery_levels.subject IS 'Name or IRI of a concept of the ontology.';
COMMENT ON COLUMN platform.user_mastery_levels.level IS 'From 0, unknown, to 1, mastered.';
CREATE TRIGGER user_mastery_levels_touch_updated_at BEFORE UPDATE ON platform.user_mastery_levels
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();
ALTER TABLE platform.user_mastery_levels ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON platform.user_mastery_levels USING (user_id = (SELECT security.current_user_id()));

-- migrate:down

DROP TABLE platform.user_mastery_levels;
DELETE FROM platform.partition_policies WHERE (schema_name, table_name) = ('platform', 'user_interactions');
DROP TABLE platform.user_interactions;
