-- Settings and the default project of the production environment. What is there already stays as it is.

INSERT INTO platform.projects (name, description, is_default)
VALUES ('default', 'Project of what belongs to no other', true)
ON CONFLICT DO NOTHING;

INSERT INTO platform.system_config (key, value, description, category, is_public) VALUES
  ('sign_up.enabled', 'false', 'Whether people can make an account themselves', 'security', true),
  ('sessions.lifetime_minutes', '60', 'Lifetime of a session', 'security', true),
  ('documents.max_file_size_mib', '100', 'Largest file that can be uploaded', 'documents', true),
  ('agents.max_concurrent_executions', '20', 'Executions of one agent at the same time', 'agents', false)
ON CONFLICT DO NOTHING;
