-- Agent-to-agent protocol: cards that agents publish, messages between them, patterns of their collaboration.

-- migrate:up

CREATE TABLE a2a.agent_cards (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  agent_id        platform.label NOT NULL UNIQUE,
  definition_id   uuid REFERENCES services.agents (id) ON DELETE SET NULL,
  name            platform.label NOT NULL,
  description     text,
  version         platform.label NOT NULL,
  framework       platform.label,
  model           platform.label,
  capabilities    platform.json_array NOT NULL DEFAULT '[]',
  endpoints       platform.json_object NOT NULL DEFAULT '{}',
  input_schema    platform.json_object,
  output_schema   platform.json_object,
  metadata        platform.json_object NOT NULL DEFAULT '{}',
  status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'maintenance', 'error')),
  health_url      text,
  a2a_card_url    text,
  dns_name        text,
  project_tags    text[] NOT NULL DEFAULT '{}',
  last_heartbeat  timestamptz DEFAULT now(),
  created_by      uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE a2a.agent_cards IS 'Cards by which agents find each other; agents of other platforms have one too.';
COMMENT ON COLUMN a2a.agent_cards.agent_id IS 'Name of the agent in the protocol; messages use it.';
COMMENT ON COLUMN a2a.agent_cards.definition_id IS 'The agent of this platform that the card publishes.';
CREATE INDEX agent_cards_status_idx ON a2a.agent_cards (status);
CREATE INDEX agent_cards_project_tags_idx ON a2a.agent_cards USING gin (project_tags);
CREATE INDEX agent_cards_capabilities_idx ON a2a.agent_cards USING gin (capabilities jsonb_path_ops);
CREATE INDEX agent_cards_definition_id_idx ON a2a.agent_cards (definition_id);
CREATE INDEX agent_cards_created_by_idx ON a2a.agent_cards (created_by);
CREATE TRIGGER agent_cards_touch_updated_at BEFORE UPDATE ON a2a.agent_cards
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

-- A unique key of a partitioned table must include the partition key.
CREATE TABLE a2a.messages (
  id                  uuid NOT NULL DEFAULT gen_random_uuid(),
  message_id          platform.label NOT NULL,
  from_agent          platform.label NOT NULL,
  to_agent            platform.label,
  method              platform.label NOT NULL,
  params              jsonb,
  response            jsonb,
  status              text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'timeout')),
  error_code          text,
  error_message       text,
  trace_id            text,
  span_id             text,
  routing_info        platform.json_object,
  performance_metrics platform.json_object,
  created_at          timestamptz NOT NULL DEFAULT now(),
  processed_at        timestamptz,
  completed_at        timestamptz,
  PRIMARY KEY (id, created_at),
  UNIQUE (message_id, created_at)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE a2a.messages IS 'Messages between agents, by month.';
COMMENT ON COLUMN a2a.messages.to_agent IS 'Null for a message to every agent.';
CREATE INDEX messages_open_idx ON a2a.messages (status, created_at DESC) WHERE status IN ('pending', 'processing');
CREATE INDEX messages_trace_id_idx ON a2a.messages (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX messages_from_agent_to_agent_idx ON a2a.messages (from_agent, to_agent);

-- Keeps rows outside every partition instead of refusing them, should the upkeep have stopped.
CREATE TABLE a2a.messages_default PARTITION OF a2a.messages DEFAULT;
COMMENT ON TABLE a2a.messages_default IS 'Messages outside every partition.';
REVOKE ALL ON a2a.messages_default FROM app, readonly;
INSERT INTO platform.partition_policies (schema_name, table_name, granularity, periods_ahead, retention)
VALUES ('a2a', 'messages', 'month', 3, interval '12 months');
SELECT platform.maintain_table('a2a', 'messages');

CREATE TABLE a2a.collaboration_patterns (
  id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  pattern_name         platform.label NOT NULL UNIQUE,
  participating_agents text[] NOT NULL CHECK (cardinality(participating_agents) >= 2),
  message_flow         jsonb NOT NULL,
  success_rate         numeric(5, 2) CHECK (success_rate BETWEEN 0 AND 100),
  avg_execution_time   integer CHECK (avg_execution_time >= 0),
  complexity_score     numeric(3, 2) CHECK (complexity_score >= 0),
  usage_count          bigint NOT NULL DEFAULT 0 CHECK (usage_count >= 0),
  last_used            timestamptz,
  project_tags         text[] NOT NULL DEFAULT '{}',
  created_at           timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE a2a.collaboration_patterns IS 'Recurring exchanges between agents, and how well they do.';
CREATE INDEX collaboration_patterns_participating_agents_idx
  ON a2a.collaboration_patterns USING gin (participating_agents);

GRANT SELECT ON a2a.agent_cards, a2a.collaboration_patterns TO readonly;

-- migrate:down

DROP TABLE a2a.collaboration_patterns;
DELETE FROM platform.partition_policies WHERE (schema_name, table_name) = ('a2a', 'messages');
DROP TABLE a2a.messages;
DROP TABLE a2a.agent_cards;
