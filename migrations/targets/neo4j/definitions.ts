import type { Session } from 'neo4j-driver';
import { canonicalJson } from '../../engine/canonical-json';

/** Labels of the engine's own nodes; schema of theirs is no definition of a change. */
export const OWN_LABEL = /^__Schema/;

const CONSTRAINTS = `
  SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties, propertyType
  RETURN name, type, entityType, labelsOrTypes, properties, propertyType`;
/** Without the index behind each constraint, which comes and goes with it. */
const INDEXES = `
  SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, options, owningConstraint
  WHERE owningConstraint IS NULL AND type <> 'LOOKUP'
  RETURN name, type, entityType, labelsOrTypes, properties, options`;

interface Definition {
  readonly name: string;
  readonly labelsOrTypes: readonly string[] | null;
  readonly [field: string]: unknown;
}

/**
 * Constraints and indexes as lines `constraint <name> <definition>` and `index <name> <definition>`, without the two
 * lookup indexes that every database has.
 * @see https://neo4j.com/docs/cypher-manual/5/indexes/search-performance-indexes/list-indexes/
 */
export async function schemaDefinitions(session: Session): Promise<readonly string[]> {
  return [...(await lines(session, 'constraint', CONSTRAINTS)), ...(await lines(session, 'index', INDEXES))];
}

async function lines(session: Session, kind: string, query: string): Promise<string[]> {
  const { records } = await session.run<Definition>(query);
  return records
    .map((record) => record.toObject())
    .filter(({ labelsOrTypes }) => !labelsOrTypes?.some((label) => OWN_LABEL.test(label)))
    .map(({ name, ...definition }) => `${kind} ${name} ${canonicalJson(withoutNulls(definition))}`);
}

function withoutNulls(definition: object): object {
  return Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== null));
}
