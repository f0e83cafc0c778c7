import type { ElasticsearchApi, Json, NamedObject, ObjectKind } from './elasticsearch-api';
import type { CopiedDocument, CopiedIndex, CopiedStream, CopyLine } from './elasticsearch-copy';

/** Template that the indices of a data stream are made from, one after the other; gone when the restore has ended. */
const templateOf = (stream: string) => `agent-data-platform-restore-${stream}`;
/** More than that of any other. */
const PRIORITY = 2_000_000_000;
const BATCH_DOCUMENTS = 500;
/** Far below the 100 MiB that a node takes. */
const BATCH_BYTES = 8 * 1024 * 1024;

/** Kinds that indices need; the reverse of the order they are removed in. */
const BEFORE: readonly ObjectKind[] = ['LifecyclePolicy', 'SynonymsSet', 'IngestPipeline', 'SearchTemplate'];
/** Kinds that would change the indices that are being restored, or act on them. */
const AFTER: readonly ObjectKind[] = [
  'ComponentTemplate',
  'IndexTemplate',
  'SnapshotRepository',
  'SnapshotLifecyclePolicy',
];
/** Without their roles the platform's users are kept out; in the order they are removed in, that is the first thing. */
export const RIGHTS: ObjectKind = 'Role';
/** Every kind, in the order they are copied and restored in. */
export const objectKinds = [...BEFORE, ...AFTER, RIGHTS];

/** Settings that would hinder the restore or change documents, and are set when these are there. */
const LATER = ['blocks', 'lifecycle', 'default_pipeline', 'final_pipeline'];

/** Writes the lines of a copy into a cluster, in their order. */
export class ClusterRestore {
  /** Of the copy, for who lets others in again. */
  readonly rights: NamedObject[] = [];
  private readonly later: (() => Promise<void>)[] = [];
  /** Data streams that were made. */
  private readonly streams = new Set<string>();
  private stream: CopiedStream | undefined;
  private target = '';
  private batch: string[] = [];
  private bytes = 0;

  constructor(private readonly api: ElasticsearchApi) {}

  /** Keeps the platform's users out, and removes everything that a copy would have. */
  async clear(): Promise<void> {
    await this.removeObjects(RIGHTS);
    for (const { name } of await this.api.streams()) await this.api.delete(`/_data_stream/${path(name)}`);
    for (const [name, { settings }] of Object.entries(await this.api.indices())) {
      if (name.startsWith('.')) continue;
      const { blocks } = settings.index as { blocks?: { read_only?: string } };
      if (blocks?.read_only) await this.putSettings(name, { blocks: { read_only: null } });
      await this.api.delete(`/${path(name)}`);
    }
    for (const kind of [...BEFORE, ...AFTER].reverse()) await this.removeObjects(kind);
  }

  private async removeObjects(kind: ObjectKind): Promise<void> {
    for (const { name } of await this.api.objects(kind)) await this.api.deleteObject(kind, name);
  }

  async add(line: CopyLine): Promise<void> {
    if ('document' in line) return this.addDocument(line.document);
    await this.send();
    if ('object' in line) return this.addObject(line.object);
    if ('stream' in line) this.stream = line.stream;
    else if ('index' in line) await this.createIndex(line.index);
    else if ('backing' in line) await this.createBacking(line.backing);
    else this.later.push(() => this.addAliases(line.of, line.aliases));
  }

  /** Writes what is left. */
  async finish(): Promise<void> {
    await this.send();
    // Templates come in the order of the copy, then what needs them.
    for (const work of this.later) await work();
    for (const stream of this.streams) await this.api.deleteObject('IndexTemplate', templateOf(stream));
    await this.api.post('/_refresh');
  }

  private async addObject(object: NamedObject): Promise<void> {
    if (object.kind === RIGHTS) this.rights.push(object);
    else if (BEFORE.includes(object.kind)) await this.api.putObject(object);
    else this.later.push(() => this.api.putObject(object));
  }

  private async createIndex({ name, settings, mappings }: CopiedIndex): Promise<void> {
    this.target = name;
    const { now, then } = divided(settings);
    await this.api.put(`/${path(name)}`, { settings: { index: now }, mappings });
    this.later.push(() => this.putSettings(name, then));
  }

  /** The newest index of a stream is the only one that takes documents, so that each is filled before the next is made. */
  private async createBacking({ settings, mappings }: CopiedIndex): Promise<void> {
    const { name, hidden, allow_custom_routing } = this.stream!;
    const { now, then } = divided(settings);
    const { _data_stream_timestamp: _own, ...fields } = mappings;
    await this.api.putObject({
      ...{ kind: 'IndexTemplate', name: templateOf(name) },
      definition: {
        ...{ index_patterns: [name], priority: PRIORITY, data_stream: { hidden, allow_custom_routing } },
        template: { settings: { index: now }, mappings: fields },
      },
    });
    if (this.streams.has(name)) await this.api.post(`/${path(name)}/_rollover`);
    else await this.api.put(`/_data_stream/${path(name)}`);
    this.streams.add(name);
    this.target = name;
    const { indices } = await this.api.stream(name);
    this.later.push(() => this.putSettings(indices.at(-1)!.index_name, then));
  }

  private async addDocument({ id, routing, source }: CopiedDocument): Promise<void> {
    const operation = JSON.stringify({ create: { _id: id, ...(routing === undefined ? {} : { routing }) } });
    const text = `${operation}\n${JSON.stringify(source)}\n`;
    if (this.bytes + text.length > BATCH_BYTES || this.batch.length >= BATCH_DOCUMENTS) await this.send();
    this.batch.push(text);
    this.bytes += text.length;
  }

  private async send(): Promise<void> {
    if (this.batch.length > 0) await this.api.bulk(this.target, this.batch.join(''));
    this.batch = [];
    this.bytes = 0;
  }

  private async putSettings(index: string, settings: Json): Promise<void> {
    if (Object.keys(settings).length > 0)
      await this.api.put(`/${path(index)}/_settings`, { index: settings });
  }

  private async addAliases(index: string, aliases: Readonly<Record<string, Json>>): Promise<void> {
    const actions = Object.entries(aliases).map(([alias, more]) => ({ add: { index, alias, ...more } }));
    await this.api.post('/_aliases', { actions });
  }
}

function divided(settings: Json): { now: Json; then: Json } {
  const entries = Object.entries(settings);
  return {
    now: Object.fromEntries(entries.filter(([name]) => !LATER.includes(name))),
    then: Object.fromEntries(entries.filter(([name]) => LATER.includes(name))),
  };
}

function path(name: string): string {
  return encodeURIComponent(name);
}
