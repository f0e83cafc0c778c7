import type { FileProblem } from '../../engine/errors';
import type { Change, Statement } from '../../engine/target';
import type { QdrantOperation } from './format';

interface KnownCollection {
  readonly vectors: ReadonlySet<string>;
  readonly indexes: Set<string>;
}

/** What exists after the operations seen so far, to find operations that cannot work without asking a server. */
export class Catalogue {
  private readonly collections = new Map<string, KnownCollection>();
  private readonly aliases = new Map<string, string>();
  private readonly deleted = new Set<string>();
  /** Deleted here and made elsewhere. */
  private readonly foreign = new Set<string>();

  /** `others exist`: what the operations have not made may have been made by other files. */
  constructor(private readonly assumption: 'others exist' | 'nothing else exists') {}

  /** Faults of the operations, each with the line it stands on. */
  run(statements: readonly Statement[]): string[] {
    return statements.flatMap(({ text, line }) => {
      const fault = this.perform(JSON.parse(text) as QdrantOperation);
      return fault === undefined ? [] : [`line ${line}: ${fault}`];
    });
  }

  /** What the operations have added. */
  added(): string[] {
    return [
      ...[...this.collections.keys()]
        .filter((name) => !this.foreign.has(name))
        .map((name) => `collection "${name}"`),
      ...[...this.aliases.keys()].map((name) => `alias "${name}"`),
    ];
  }

  private perform(change: QdrantOperation): string | undefined {
    switch (change.operation) {
      case 'createCollection':
        return this.createCollection(change);
      case 'deleteCollection':
        return this.deleteCollection(change.collection_name);
      case 'updateCollection':
        return this.updateCollection(change);
      case 'createPayloadIndex':
      case 'deletePayloadIndex':
        return this.payloadIndex(change);
      case 'createAlias':
      case 'switchAlias':
        return this.pointAlias(change);
      case 'renameAlias':
        return this.renameAlias(change.old_alias_name, change.new_alias_name);
      case 'deleteAlias':
        return this.removeAlias(change.alias_name);
    }
  }

  private createCollection(change: QdrantOperation & { operation: 'createCollection' }): string | undefined {
    const { collection_name: name, vectors, sparse_vectors = {} } = change;
    if (this.collections.has(name)) return `collection "${name}" exists already`;
    if (this.aliases.has(name)) return `"${name}" is an alias already`;
    const names = new Set([...Object.keys(vectors), ...Object.keys(sparse_vectors)]);
    this.collections.set(name, { vectors: names, indexes: new Set() });
    return undefined;
  }

  private deleteCollection(name: string): string | undefined {
    const fault = this.missing(name);
    if (!this.collections.delete(name)) this.foreign.add(name);
    this.deleted.add(name);
    // Qdrant removes a collection's aliases with it.
    for (const [alias, target] of this.aliases) if (target === name) this.aliases.delete(alias);
    return fault;
  }

  private updateCollection(change: QdrantOperation & { operation: 'updateCollection' }): string | undefined {
    const { collection_name: name, vectors = {}, sparse_vectors = {} } = change;
    const known = this.collections.get(name)?.vectors;
    const unknown = Object.keys({ ...vectors, ...sparse_vectors }).find((key) => known && !known.has(key));
    return this.missing(name) ?? (unknown && `collection "${name}" has no vector "${unknown}"`);
  }

  private payloadIndex(
    change: QdrantOperation & { operation: 'createPayloadIndex' | 'deletePayloadIndex' },
  ): string | undefined {
    const { collection_name: name, field_name: field, operation } = change;
    const indexes = this.collections.get(name)?.indexes;
    if (!indexes) return this.missing(name);
    if (operation === 'deletePayloadIndex') {
      return indexes.delete(field) ? undefined : `"${field}" of collection "${name}" has no index`;
    }
    if (indexes.has(field)) return `"${field}" of collection "${name}" has an index already`;
    indexes.add(field);
    return undefined;
  }

  private pointAlias(
    change: QdrantOperation & { operation: 'createAlias' | 'switchAlias' },
  ): string | undefined {
    const { alias_name: alias, collection_name: name, operation } = change;
    if (this.collections.has(alias)) return `"${alias}" is a collection already`;
    const had = this.aliases.has(alias);
    if (operation === 'createAlias' && had) return `alias "${alias}" exists already`;
    if (operation === 'switchAlias' && !had && this.assumption === 'nothing else exists')
      return `alias "${alias}" does not exist`;
    // An alias of another file stays one when it is switched here.
    if (operation === 'createAlias' || had) this.aliases.set(alias, name);
    return this.missing(name);
  }

  private renameAlias(from: string, to: string): string | undefined {
    const target = this.aliases.get(from);
    const fault = this.removeAlias(from);
    if (fault) return fault;
    if (this.aliases.has(to)) return `alias "${to}" exists already`;
    if (this.collections.has(to)) return `"${to}" is a collection already`;
    if (target !== undefined) this.aliases.set(to, target);
    return undefined;
  }

  private removeAlias(alias: string): string | undefined {
    if (this.aliases.delete(alias) || this.assumption === 'others exist') return undefined;
    return `alias "${alias}" does not exist`;
  }

  /** The fault of naming a collection that is not there. */
  private missing(name: string): string | undefined {
    if (this.collections.has(name)) return undefined;
    if (this.deleted.has(name)) return `collection "${name}" is deleted before`;
    if (this.assumption === 'others exist') return undefined;
    return `no earlier operation makes collection "${name}"`;
  }
}

/** Operations that name what no earlier change makes, over all changes of a folder in their order. */
export function referenceProblems(changes: readonly Change[]): FileProblem[] {
  const catalogue = new Catalogue('nothing else exists');
  return changes.flatMap(({ file, version, up }) => {
    const faults = catalogue.run(up);
    if (faults.length === 0) return [];
    const what = `names what is not there (${faults.join('; ')})`;
    return [{ kind: 'malformed', file, version, what, fix: 'Correct the names or the order of the files.' }];
  });
}
