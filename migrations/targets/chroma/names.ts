/** Names in Chroma; docs/migration-format.md says what lives where. */

export const TENANT = 'default_tenant';
/** Chroma database of the collections. */
export const DATA_DATABASE = 'default_database';
/** Chroma database of the history and the lock, which applications do not reach. */
export const HISTORY_DATABASE = 'schema_migrations';

const projectKinds = ['documents', 'knowledge', 'agents'] as const;
export type ProjectCollection = (typeof projectKinds)[number];

const PROJECT = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;
const PROJECT_COLLECTION = new RegExp(`^project_.*_(${projectKinds.join('|')})$`);

/**
 * Name of a collection of one project, which its application creates.
 * @param project identifier such as its UUID: 1 to 64 letters, digits and `-`.
 * @throws Error for any other identifier.
 */
export function projectCollection(project: string, kind: ProjectCollection): string {
  if (!PROJECT.test(project)) {
    throw new Error(
      `A project's identifier has 1 to 64 letters, digits and "-", got ${JSON.stringify(project)}.`,
    );
  }
  return `project_${project}_${kind}`;
}

/** Whether a collection belongs to a project. */
export function isProjectCollection(name: string): boolean {
  return PROJECT_COLLECTION.test(name);
}
