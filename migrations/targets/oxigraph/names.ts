/** Names of the graphs in Oxigraph; docs/migration-format.md says what lives where. */

const ROOT = 'urn:agent-data-platform';
const PROJECT = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The graph of the classes and properties. */
export const ontologyGraph = `${ROOT}:ontology`;
/** Start of the names of all graphs that hold a project's data. */
export const projectGraphs = `${ROOT}:project:`;
/** Graph of the history, and start of the names of the lock's graphs. */
export const historyGraph = `${ROOT}:schema-migrations`;

/**
 * The graph of one project's data.
 * @param project identifier such as its UUID: 1 to 64 letters, digits, `-` and `_`.
 * @throws Error for any other identifier.
 */
export function projectGraph(project: string): string {
  if (!PROJECT.test(project)) {
    throw new Error(
      `A project's identifier has 1 to 64 letters, digits, "-" and "_", got ${JSON.stringify(project)}.`,
    );
  }
  return projectGraphs + project;
}

/** Quotes text as a SPARQL string. @see https://www.w3.org/TR/sparql11-query/#rSTRING_LITERAL2 */
export function sparqlString(text: string): string {
  const escapes: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r' };
  return `"${text.replace(/[\\"\n\r]/g, (character) => escapes[character]!)}"`;
}
