-- Whoever works on a project is a user, and the project exists.
SELECT m.id, m.user_id, m.project_id
FROM platform.user_projects m
LEFT JOIN platform.users u ON u.id = m.user_id
LEFT JOIN platform.projects p ON p.id = m.project_id
WHERE u.id IS NULL OR p.id IS NULL
