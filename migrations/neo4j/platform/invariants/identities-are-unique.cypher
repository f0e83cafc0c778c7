// No two nodes of a label have the same id.
MATCH (n)
WHERE n.id IS NOT NULL
UNWIND labels(n) AS label
WITH label, n.id AS id, count(*) AS nodes
WHERE nodes > 1
  AND label IN ['Document', 'Chunk', 'Entity', 'Concept', 'Process', 'Step', 'Actor', 'Agent', 'Team', 'Workflow', 'Task']
RETURN label, id, nodes
