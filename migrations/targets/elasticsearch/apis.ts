/** Where each kind of object has its API, and how the answers are read. */

/** One kind of object that change files make. */
export interface Api {
  /** Path before the object's name. */
  readonly path: string;
  /** The objects of a GET answer that changes made, as definitions by name; Elasticsearch's own are left out. */
  list(answer: never): Record<string, unknown>;
  /** What GET is asked beside the path. */
  readonly query?: Readonly<Record<string, string | boolean>>;
}

type Json = Record<string, unknown>;
interface Managed {
  readonly _meta?: { readonly managed?: boolean };
}

/** Objects that Elasticsearch or a Kibana installed. */
const own = (definition: Managed | undefined, name: string) =>
  definition?._meta?.managed === true || name.startsWith('.');

/** Entries of an answer by name, without those that changes cannot have made. */
function named<Entry>(
  entries: readonly (readonly [string, Entry])[],
  definition: (entry: Entry) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    entries
      .map(([name, entry]) => [name, definition(entry)] as const)
      .filter(([name, value]) => !own(value as Managed, name)),
  );
}

/** Every kind by the word in its operations, such as `IndexTemplate` in `putIndexTemplate`. @see https://www.elastic.co/docs/api/doc/elasticsearch/ */
export const apis = {
  LifecyclePolicy: {
    path: '/_ilm/policy',
    list: (answer: Record<string, { policy: Json }>) => named(Object.entries(answer), ({ policy }) => policy),
  },
  ComponentTemplate: {
    path: '/_component_template',
    list: (answer: { component_templates: { name: string; component_template: Json }[] }) =>
      named(
        answer.component_templates.map(({ name, component_template }) => [name, component_template] as const),
        withoutDates,
      ),
  },
  IndexTemplate: {
    path: '/_index_template',
    list: (answer: { index_templates: { name: string; index_template: Json }[] }) =>
      named(
        answer.index_templates.map(({ name, index_template }) => [name, index_template] as const),
        withoutDates,
      ),
  },
  DataStream: {
    path: '/_data_stream',
    list: (answer: { data_streams: { name: string; template: string; ilm_policy?: string }[] }) =>
      named(
        answer.data_streams.map((stream) => [stream.name, stream] as const),
        ({ template, ilm_policy }) => ({ template, ilm_policy }),
      ),
  },
  IngestPipeline: {
    path: '/_ingest/pipeline',
    list: (answer: Record<string, Json>) => named(Object.entries(answer), withoutDates),
  },
  SynonymsSet: {
    path: '/_synonyms',
    query: { size: '1000' },
    list: (answer: { results: { synonyms_set: string; count: number }[] }) =>
      named(
        answer.results.map((set) => [set.synonyms_set, set] as const),
        ({ count }) => ({ count }),
      ),
  },
  SnapshotRepository: {
    path: '/_snapshot',
    list: (answer: Record<string, Json>) =>
      named(Object.entries(answer), ({ type, settings }) => ({ type, settings })),
  },
  SnapshotLifecyclePolicy: {
    path: '/_slm/policy',
    list: (answer: Record<string, { policy: Json }>) => named(Object.entries(answer), ({ policy }) => policy),
  },
  Role: {
    path: '/_security/role',
    list: (answer: Record<string, Json & { metadata?: { _reserved?: boolean } }>) =>
      named(
        Object.entries(answer).filter(([, { metadata }]) => metadata?._reserved !== true),
        ({ transient_metadata: _transient, ...definition }) => definition,
      ),
  },
  SearchTemplate: {
    path: '/_scripts',
    query: { filter_path: 'metadata.stored_scripts' },
    list: (answer: { metadata?: { stored_scripts?: Record<string, Json> } }) =>
      named(Object.entries(answer.metadata?.stored_scripts ?? {}), (script) => script),
  },
} satisfies Record<string, Api>;

/** Newer servers add when a template was made and changed. */
function withoutDates(definition: Json): Json {
  return Object.fromEntries(
    Object.entries(definition).filter(([key]) => !/^(created|modified)_date/.test(key)),
  );
}
