import { createReadStream } from 'node:fs';
import { HISTORY } from '../../migrations/targets/elasticsearch/format';
import type { ArtifactFiles } from './driver';
import { canonicalJson } from '../../migrations/engine/canonical-json';
import {
  type ElasticsearchAddress,
  ElasticsearchApi,
  type NamedObject,
  type ObjectKind,
} from './elasticsearch-api';
import { copied, CopyDigests, type CopyLine, parseLine } from './elasticsearch-copy';
import { ClusterRestore, objectKinds, RIGHTS } from './elasticsearch-restore';
import { checkInventory } from './inventory';
import { LineDriver } from './line-driver';
import { linesOf } from './lines';

const FILE = 'cluster.jsonl';
const PAGE = 200;
/** Document of a runner; a copy would lock nobody out, but keep everybody waiting. */
const LOCK = /:lock$/;

/**
 * Copies every index and data stream with its documents, settings, mappings and aliases, and the objects that change files
 * make: policies, templates, pipelines, synonyms, scripts, roles, snapshot repositories. What begins with a dot is
 * Elasticsearch's own and left out, as are users. Each index is as it was at one moment, and these moments are within the
 * first seconds of the copy: a point in time of each is opened before the first is read. Writers go on.
 *
 * Snapshots are not used: they are files of many snapshots together in a repository of the cluster's own, which the stack's
 * nightly ones stay in; this copy goes into an artifact and into any cluster of this version or a newer one.
 *
 * In a restore documents keep their ids, routing and digits; keys of objects are sorted, and sequence numbers begin anew.
 * The indices of a data stream are made again one after the other by rolling over, so that each holds what it held, with
 * another name and date; the age that lifecycle policies count from stays. Policies that are restored act: restore where no
 * other cluster uses the same snapshot repository, or remove it. A closed index cannot be read and is an error.
 *
 * A copy has what its user may see; the owner of the definitions (`platform_owner`) sees all that the platform makes, and no
 * more is needed. A restore writes, creates and deletes every index, which a superuser may. It keeps everybody else out, such as
 * the log shipper, until what it made is compared: the roles come last.
 * @see https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-open-point-in-time
 */
export class ElasticsearchDriver extends LineDriver<CopyLine> {
  private readonly api: ElasticsearchApi;
  /** While others are kept out: the roles of the copy. */
  private rights: readonly NamedObject[] | undefined;

  constructor(address: ElasticsearchAddress) {
    super(FILE);
    this.api = new ElasticsearchApi(address);
  }

  async restore(files: ArtifactFiles): Promise<void> {
    await checkInventory(files);
    const restore = new ClusterRestore(this.api);
    await restore.clear();
    for await (const line of linesOf(createReadStream(files[FILE]!))) await restore.add(parseLine(line));
    await restore.finish();
    this.rights = restore.rights;
  }

  async admit(): Promise<void> {
    for (const object of this.rights ?? []) await this.api.putObject(object);
    const wanted = this.rights;
    this.rights = undefined;
    const got = await this.api.objects(RIGHTS);
    if (wanted && canonicalJson(byName(got)) !== canonicalJson(byName(wanted)))
      throw new Error('The roles are not those of the copy. Restore it again.');
  }

  protected version(): Promise<string> {
    return this.api.version();
  }

  protected newDigests(): CopyDigests {
    return new CopyDigests();
  }

  protected async *lines(): AsyncGenerator<CopyLine> {
    for (const kind of objectKinds) for (const object of await this.objects(kind)) yield { object };
    const [closed] = await this.api.closedIndices();
    if (closed !== undefined)
      throw new Error(`Index "${closed}" is closed and cannot be read. Open it, or delete it.`);
    const streams = await this.api.streams();
    const indices = await this.api.indices();
    const plain = Object.keys(indices).filter((name) => !name.startsWith('.'));
    const backing = streams.flatMap((stream) => stream.indices.map(({ index_name }) => index_name));
    const moments = new Map<string, string>();
    try {
      for (const name of [...plain, ...backing]) moments.set(name, await this.api.openPointInTime(name));
      for (const name of plain.sort()) {
        yield { index: copied(name, indices[name]!, false) };
        yield* this.documents(name, moments);
      }
      for (const { name, hidden = false, allow_custom_routing = false, indices: own } of streams) {
        yield { stream: { name, hidden, allow_custom_routing } };
        for (const { index_name } of own) {
          yield { backing: copied(index_name, indices[index_name]!, true) };
          yield* this.documents(index_name, moments);
        }
      }
      yield* this.aliases([...plain, ...streams.map(({ name }) => name)]);
    } finally {
      for (const id of moments.values()) await this.api.closePointInTime(id);
    }
  }

  private async objects(kind: ObjectKind): Promise<readonly NamedObject[]> {
    return kind === RIGHTS && this.rights ? this.rights : this.api.objects(kind);
  }

  private async *documents(index: string, moments: Map<string, string>): AsyncGenerator<CopyLine> {
    const id = moments.get(index)!;
    let after: unknown;
    for (;;) {
      const hits = await this.api.hits(id, PAGE, after);
      for (const { _id, _routing, _source } of hits) {
        if (index === HISTORY && LOCK.test(_id)) continue;
        const document = {
          id: _id,
          ...(_routing === undefined ? {} : { routing: _routing }),
          source: _source,
        };
        yield { document };
      }
      if (hits.length < PAGE) break;
      after = hits.at(-1)!.sort;
    }
    moments.delete(index);
    await this.api.closePointInTime(id);
  }

  private async *aliases(names: readonly string[]): AsyncGenerator<CopyLine> {
    const found = await this.api.aliases();
    for (const of of names) {
      const aliases = found[of]?.aliases ?? {};
      if (Object.keys(aliases).length > 0) yield { of, aliases };
    }
  }
}

function byName(objects: readonly NamedObject[]): NamedObject[] {
  return [...objects].sort((a, b) => (a.name < b.name ? -1 : 1));
}
