// The upper classes and relations that every project starts from. Their IRIs are the same in the ontology store; `seed`
// marks what this change made, which is what going back deletes.

// migrate:up

UNWIND [
  ['Thing', 'Anything that the platform knows about.'],
  ['InformationObject', 'What carries information.'],
  ['Document', 'A text with a source.'],
  ['Chunk', 'A passage of a document.'],
  ['Concept', 'A notion that documents are about.'],
  ['Participant', 'Who or what takes part in something.'],
  ['Person', 'A human being.'],
  ['Organisation', 'A group of participants with a purpose.'],
  ['Agent', 'Software that acts on its own.'],
  ['Team', 'Agents and persons that work together.'],
  ['Capability', 'What an agent can do.'],
  ['Activity', 'What happens over time.'],
  ['Process', 'Steps that reach a business goal.'],
  ['Step', 'A part of a process.'],
  ['Workflow', 'A process that the platform runs.'],
  ['Task', 'A unit of work in a workflow.']
] AS class
MERGE (c:OntologyClass {iri: 'urn:agent-data-platform:ontology:' + class[0]})
ON CREATE SET c.label = class[0], c.comment = class[1], c.seed = '000002';

UNWIND [
  ['InformationObject', 'Thing'], ['Participant', 'Thing'], ['Capability', 'Thing'], ['Activity', 'Thing'],
  ['Document', 'InformationObject'], ['Chunk', 'InformationObject'], ['Concept', 'InformationObject'],
  ['Person', 'Participant'], ['Organisation', 'Participant'], ['Agent', 'Participant'], ['Team', 'Organisation'],
  ['Process', 'Activity'], ['Step', 'Activity'], ['Workflow', 'Process'], ['Task', 'Step']
] AS pair
MATCH (narrow:OntologyClass {iri: 'urn:agent-data-platform:ontology:' + pair[0]})
MATCH (broad:OntologyClass {iri: 'urn:agent-data-platform:ontology:' + pair[1]})
MERGE (narrow)-[:SUBCLASS_OF]->(broad);

UNWIND [
  ['hasPart', 'Thing', 'Thing', 'Consists of, among others.'],
  ['mentions', 'InformationObject', 'Thing', 'Names it.'],
  ['about', 'InformationObject', 'Concept', 'Has it as a subject.'],
  ['relatedTo', 'Concept', 'Concept', 'Belongs to the same subject.'],
  ['memberOf', 'Participant', 'Organisation', 'Belongs to it.'],
  ['hasCapability', 'Agent', 'Capability', 'Can do it.'],
  ['delegatesTo', 'Agent', 'Agent', 'Hands work over to it.'],
  ['performs', 'Participant', 'Activity', 'Does it.'],
  ['precedes', 'Step', 'Step', 'Comes before it.'],
  ['dependsOn', 'Task', 'Task', 'Cannot start before it ends.'],
  ['requires', 'Task', 'Capability', 'Needs an agent that can do it.'],
  ['produces', 'Activity', 'InformationObject', 'Makes it.']
] AS relation
MATCH (source:OntologyClass {iri: 'urn:agent-data-platform:ontology:' + relation[1]})
MATCH (target:OntologyClass {iri: 'urn:agent-data-platform:ontology:' + relation[2]})
MERGE (r:OntologyRelation {iri: 'urn:agent-data-platform:ontology:' + relation[0]})
ON CREATE SET r.label = relation[0], r.comment = relation[3], r.seed = '000002'
MERGE (r)-[:DOMAIN]->(source)
MERGE (r)-[:RANGE]->(target);

// migrate:down

MATCH (r:OntologyRelation {seed: '000002'}) DETACH DELETE r;
MATCH (c:OntologyClass {seed: '000002'}) DETACH DELETE c;
