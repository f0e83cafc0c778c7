import { type Client, errors } from '@elastic/elasticsearch';
import { canonicalJson } from '../../engine/canonical-json';
import { type Api, apis } from './apis';
import { HISTORY } from './format';

/** The definitions that changes make, as lines `<kind> <name> <definition>`; Elasticsearch's own are left out. */
export async function clusterDefinitions(client: Client): Promise<readonly string[]> {
  const kinds = Object.entries(apis) as [string, Api][];
  const lines = await Promise.all(kinds.map(([kind, api]) => kindLines(client, kind, api)));
  return [...lines.flat(), ...(await indexLines(client))];
}

async function kindLines(client: Client, kind: string, { path, query, list }: Api): Promise<string[]> {
  const scripts = kind === 'SearchTemplate';
  const answer = await orNone(
    client.transport.request({
      method: 'GET',
      path: scripts ? '/_cluster/state/metadata' : path,
      querystring: { ...query },
    }),
  );
  if (answer === undefined) return [];
  const definitions = Object.entries(list(answer as never));
  return Promise.all(
    definitions.map(async ([name, definition]) => {
      const whole = kind === 'SynonymsSet' ? await synonyms(client, name) : definition;
      return `${kind} ${name} ${canonicalJson(whole)}`;
    }),
  );
}

/** The listing has only the numbers of rules. */
async function synonyms(client: Client, id: string): Promise<unknown> {
  return (await client.synonyms.getSynonym({ id, size: 10_000 })).synonyms_set;
}

/** Indices that changes made themselves; those behind data streams come and go with their policies. */
async function indexLines(client: Client): Promise<string[]> {
  const indices = await client.indices.get({ index: `*,-.*,-${HISTORY}`, expand_wildcards: 'open' });
  return Object.entries(indices).map(([name, { aliases, mappings, settings }]) => {
    const { creation_date, uuid, version, provided_name, ...kept } = settings!.index!;
    return `Index ${name} ${canonicalJson({ aliases, mappings, settings: kept })}`;
  });
}

/** Some listings answer "not found" when there is nothing. */
async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof errors.ResponseError && error.statusCode === 404) return undefined;
    throw error;
  }
}
