import type { OxigraphClient } from './client';
import { historyGraph, projectGraphs } from './names';

const OWN = `FILTER(!STRSTARTS(STR(?g), "${historyGraph}") && !STRSTARTS(STR(?g), "${projectGraphs}"))`;

/**
 * Everything outside of the projects' graphs and the history, as lines `graph <name>` and
 * `resource <subject> <predicate> <object> <graph>` with terms as in Turtle.
 */
export async function definitionLines(client: OxigraphClient): Promise<readonly string[]> {
  const [graphs, triples] = await Promise.all([
    client.selectTerms(`SELECT ?g { GRAPH ?g {} ${OWN} }`),
    client.selectTerms(
      `SELECT ?s ?p ?o ?g { { GRAPH ?g { ?s ?p ?o } ${OWN} } UNION { ?s ?p ?o BIND("default" AS ?g) } }`,
    ),
  ]);
  return [
    ...graphs.map(([name]) => `graph ${name}`),
    ...triples.map((terms) => `resource ${terms.join(' ')}`),
  ].sort();
}
