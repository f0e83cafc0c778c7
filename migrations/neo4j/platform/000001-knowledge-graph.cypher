// Identity and lookups of everything that the platform keeps as a graph. Ids are those of the other stores, so that a
// node can be joined with its row, document or vector; IRIs are those of the ontology store.

// migrate:up

// Knowledge graph: documents, their chunks, what they mention.
CREATE CONSTRAINT document_id IF NOT EXISTS FOR (d:Document) REQUIRE d.id IS UNIQUE;
CREATE CONSTRAINT chunk_id IF NOT EXISTS FOR (c:Chunk) REQUIRE c.id IS UNIQUE;
CREATE CONSTRAINT entity_id IF NOT EXISTS FOR (e:Entity) REQUIRE e.id IS UNIQUE;
CREATE CONSTRAINT concept_id IF NOT EXISTS FOR (c:Concept) REQUIRE c.id IS UNIQUE;
CREATE INDEX document_project IF NOT EXISTS FOR (d:Document) ON (d.projectId, d.updatedAt);
CREATE INDEX chunk_document IF NOT EXISTS FOR (c:Chunk) ON (c.documentId, c.position);
CREATE INDEX entity_type_name IF NOT EXISTS FOR (e:Entity) ON (e.type, e.name);
CREATE INDEX mentions_confidence IF NOT EXISTS FOR ()-[m:MENTIONS]-() ON (m.confidence);
CREATE FULLTEXT INDEX knowledge_text IF NOT EXISTS FOR (n:Document|Chunk|Entity|Concept) ON EACH [n.title, n.name, n.text]
  OPTIONS {indexConfig: {`fulltext.analyzer`: 'english', `fulltext.eventually_consistent`: true}};
CREATE VECTOR INDEX chunk_embedding IF NOT EXISTS FOR (c:Chunk) ON (c.embedding)
  OPTIONS {indexConfig: {`vector.dimensions`: 768, `vector.similarity_function`: 'cosine'}};
CREATE VECTOR INDEX entity_embedding IF NOT EXISTS FOR (e:Entity) ON (e.embedding)
  OPTIONS {indexConfig: {`vector.dimensions`: 1536, `vector.similarity_function`: 'cosine'}};

// Ontology links: any node may carry the IRI of what it stands for; classes and relations are nodes themselves.
CREATE CONSTRAINT ontology_class_iri IF NOT EXISTS FOR (c:OntologyClass) REQUIRE c.iri IS UNIQUE;
CREATE CONSTRAINT ontology_relation_iri IF NOT EXISTS FOR (r:OntologyRelation) REQUIRE r.iri IS UNIQUE;
CREATE CONSTRAINT entity_iri IF NOT EXISTS FOR (e:Entity) REQUIRE e.iri IS UNIQUE;
CREATE CONSTRAINT concept_iri IF NOT EXISTS FOR (c:Concept) REQUIRE c.iri IS UNIQUE;

// Business processes.
CREATE CONSTRAINT process_id IF NOT EXISTS FOR (p:Process) REQUIRE p.id IS UNIQUE;
CREATE CONSTRAINT step_id IF NOT EXISTS FOR (s:Step) REQUIRE s.id IS UNIQUE;
CREATE CONSTRAINT step_position IF NOT EXISTS FOR (s:Step) REQUIRE (s.processId, s.position) IS UNIQUE;
CREATE CONSTRAINT actor_id IF NOT EXISTS FOR (a:Actor) REQUIRE a.id IS UNIQUE;
CREATE INDEX process_project IF NOT EXISTS FOR (p:Process) ON (p.projectId, p.status);

// Agents, what they can do, and who works with whom.
CREATE CONSTRAINT agent_id IF NOT EXISTS FOR (a:Agent) REQUIRE a.id IS UNIQUE;
CREATE CONSTRAINT capability_name IF NOT EXISTS FOR (c:Capability) REQUIRE c.name IS UNIQUE;
CREATE CONSTRAINT team_id IF NOT EXISTS FOR (t:Team) REQUIRE t.id IS UNIQUE;
CREATE INDEX agent_status IF NOT EXISTS FOR (a:Agent) ON (a.status, a.type);
CREATE INDEX delegates_since IF NOT EXISTS FOR ()-[d:DELEGATES_TO]-() ON (d.since);

// Workflow dependencies.
CREATE CONSTRAINT workflow_id IF NOT EXISTS FOR (w:Workflow) REQUIRE w.id IS UNIQUE;
CREATE CONSTRAINT task_id IF NOT EXISTS FOR (t:Task) REQUIRE t.id IS UNIQUE;
CREATE INDEX task_workflow IF NOT EXISTS FOR (t:Task) ON (t.workflowId, t.status);
CREATE INDEX depends_on_kind IF NOT EXISTS FOR ()-[d:DEPENDS_ON]-() ON (d.kind);

// migrate:down

DROP INDEX depends_on_kind IF EXISTS;
DROP INDEX task_workflow IF EXISTS;
DROP CONSTRAINT task_id IF EXISTS;
DROP CONSTRAINT workflow_id IF EXISTS;
DROP INDEX delegates_since IF EXISTS;
DROP INDEX agent_status IF EXISTS;
DROP CONSTRAINT team_id IF EXISTS;
DROP CONSTRAINT capability_name IF EXISTS;
DROP CONSTRAINT agent_id IF EXISTS;
DROP INDEX process_project IF EXISTS;
DROP CONSTRAINT actor_id IF EXISTS;
DROP CONSTRAINT step_position IF EXISTS;
DROP CONSTRAINT step_id IF EXISTS;
DROP CONSTRAINT process_id IF EXISTS;
DROP CONSTRAINT concept_iri IF EXISTS;
DROP CONSTRAINT entity_iri IF EXISTS;
DROP CONSTRAINT ontology_relation_iri IF EXISTS;
DROP CONSTRAINT ontology_class_iri IF EXISTS;
DROP INDEX entity_embedding IF EXISTS;
DROP INDEX chunk_embedding IF EXISTS;
DROP INDEX knowledge_text IF EXISTS;
DROP INDEX mentions_confidence IF EXISTS;
DROP INDEX entity_type_name IF EXISTS;
DROP INDEX chunk_document IF EXISTS;
DROP INDEX document_project IF EXISTS;
DROP CONSTRAINT concept_id IF EXISTS;
DROP CONSTRAINT entity_id IF EXISTS;
DROP CONSTRAINT chunk_id IF EXISTS;
DROP CONSTRAINT document_id IF EXISTS;
