// The constraints that make ids unique are there.
SHOW CONSTRAINTS YIELD name
WITH collect(name) AS found
UNWIND ['document_id', 'chunk_id', 'entity_id', 'concept_id', 'process_id', 'step_id', 'actor_id', 'agent_id',
  'capability_name', 'team_id', 'workflow_id', 'task_id', 'ontology_class_iri', 'ontology_relation_iri', 'entity_iri',
  'concept_iri'] AS wanted
WITH wanted, found
WHERE NOT wanted IN found
RETURN wanted
