-- Rows with fixed ids for tests of applications. Nobody can sign in with "!": no hash begins so.

INSERT INTO platform.users (id, username, email, password_hash) VALUES
  ('5eed0000-0000-4000-8000-000000000001', 'test-user', 'user@example.org', '!'),
  ('5eed0000-0000-4000-8000-000000000002', 'test-other', 'other@example.org', '!')
ON CONFLICT DO NOTHING;

INSERT INTO platform.projects (id, name, tags)
VALUES ('5eed0000-0000-4000-8000-000000000003', 'test-project', '{test}')
ON CONFLICT DO NOTHING;

INSERT INTO platform.user_projects (user_id, project_id, role)
SELECT u.id, p.id, 'owner'
FROM platform.users u, platform.projects p
WHERE u.username = 'test-user' AND p.name = 'test-project'
ON CONFLICT DO NOTHING;

INSERT INTO services.agents (id, name, type, capabilities)
VALUES ('5eed0000-0000-4000-8000-000000000004', 'test-agent', 'echo', '["echo"]')
ON CONFLICT DO NOTHING;
