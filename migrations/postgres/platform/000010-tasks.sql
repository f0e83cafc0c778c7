-- Tasks that users give to agents, and the conversation about each.

-- migrate:up

CREATE TABLE services.tasks (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  title             platform.label NOT NULL,
  description       text,
  status            text NOT NULL DEFAULT 'open'
    CHECK (status IN ('open', 'in_progress', 'blocked', 'completed', 'failed', 'cancelled')),
  priority          integer NOT NULL DEFAULT 0,
  assigned_agent_id uuid REFERENCES services.agents (id) ON DELETE SET NULL,
  project_id        uuid REFERENCES platform.projects (id) ON DELETE SET NULL,
  parent_task_id    uuid REFERENCES services.tasks (id) ON DELETE CASCADE CHECK (parent_task_id <> id),
  due_at            timestamptz,
  completed_at      timestamptz,
  created_by        uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT tasks_completed_at CHECK (completed_at IS NULL OR status IN ('completed', 'failed', 'cancelled'))
);
COMMENT ON TABLE services.tasks IS 'Tasks, assigned to agents.';
CREATE INDEX tasks_status_priority_idx ON services.tasks (status, priority DESC, created_at);
CREATE INDEX tasks_assigned_agent_id_idx ON services.tasks (assigned_agent_id);
CREATE INDEX tasks_project_id_idx ON services.tasks (project_id);
CREATE INDEX tasks_parent_task_id_idx ON services.tasks (parent_task_id);
CREATE INDEX tasks_created_by_idx ON services.tasks (created_by);
CREATE TRIGGER tasks_touch_updated_at BEFORE UPDATE ON services.tasks
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.task_messages (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  task_id         uuid NOT NULL REFERENCES services.tasks (id) ON DELETE CASCADE,
  sender_type     text NOT NULL CHECK (sender_type IN ('user', 'agent', 'system')),
  sender_user_id  uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  sender_agent_id uuid REFERENCES services.agents (id) ON DELETE SET NULL,
  message         text NOT NULL CHECK (message <> ''),
  created_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT task_messages_sender CHECK (
    (sender_user_id IS NULL OR sender_type = 'user') AND (sender_agent_id IS NULL OR sender_type = 'agent')
  )
);
COMMENT ON TABLE services.task_messages IS 'The conversation about a task.';
COMMENT ON COLUMN services.task_messages.sender_user_id IS 'Null when the sender is none, or was deleted.';
CREATE INDEX task_messages_task_id_created_at_idx ON services.task_messages (task_id, created_at);
CREATE INDEX task_messages_sender_user_id_idx ON services.task_messages (sender_user_id);
CREATE INDEX task_messages_sender_agent_id_idx ON services.task_messages (sender_agent_id);

-- migrate:down

DROP TABLE services.task_messages;
DROP TABLE services.tasks;
