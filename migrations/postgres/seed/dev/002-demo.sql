-- A project with people, an agent, a workflow and a task to look at. Nobody can sign in with "!": no hash begins so.

INSERT INTO platform.users (username, email, password_hash, role, first_name, is_verified) VALUES
  ('ada', 'ada@example.org', '!', 'admin', 'Ada', true),
  ('grace', 'grace@example.org', '!', 'user', 'Grace', true)
ON CONFLICT DO NOTHING;

INSERT INTO platform.projects (name, description, tags) VALUES ('demo', 'A first project', '{demo}')
ON CONFLICT DO NOTHING;

INSERT INTO platform.user_projects (user_id, project_id, role)
SELECT u.id, p.id, CASE u.username WHEN 'ada' THEN 'owner' ELSE 'member' END
FROM platform.users u, platform.projects p
WHERE u.username IN ('ada', 'grace') AND p.name = 'demo'
ON CONFLICT DO NOTHING;

INSERT INTO platform.user_mastery_levels (user_id, subject, level, confidence, evidence_count)
SELECT id, 'SQL', 0.7, 0.5, 12 FROM platform.users WHERE username = 'grace'
ON CONFLICT DO NOTHING;

INSERT INTO services.agents (name, type, description, project_tags, framework, model, capabilities)
VALUES ('summarizer', 'assistant', 'Summarizes documents', '{demo}', 'custom', 'small', '["summarize"]')
ON CONFLICT DO NOTHING;

INSERT INTO services.agent_states (agent_id) SELECT id FROM services.agents WHERE name = 'summarizer'
ON CONFLICT DO NOTHING;

INSERT INTO a2a.agent_cards (agent_id, definition_id, name, description, version, capabilities, project_tags)
SELECT 'summarizer', id, name, description, version, capabilities, project_tags
FROM services.agents WHERE name = 'summarizer' AND version = '1.0.0'
ON CONFLICT DO NOTHING;

INSERT INTO services.workflow_definitions (name, display_name, description, status, project_tags, steps)
VALUES ('summarize-upload', 'Summarize an upload', 'Extract, chunk, summarize', 'active', '{demo}',
        '[{"name": "extract"}, {"name": "chunk"}, {"name": "summarize", "agent": "summarizer"}]')
ON CONFLICT DO NOTHING;

INSERT INTO services.tasks (id, title, assigned_agent_id, project_id, created_by)
SELECT '5eed0000-0000-4000-8000-000000000001', 'Summarize the first upload', a.id, p.id, u.id
FROM services.agents a, platform.projects p, platform.users u
WHERE a.name = 'summarizer' AND a.version = '1.0.0' AND p.name = 'demo' AND u.username = 'grace'
ON CONFLICT DO NOTHING;
