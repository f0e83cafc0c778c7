import { parseAllDocuments } from 'yaml';
import { KubernetesCluster, KubernetesError } from '../../../migrations/kubernetes/cluster';
import { type Diff, changes } from '../diff';
import { type PlainProperties, type Properties, Unknown, containsUnknown, reveal } from '../marshalling';
import {
  type CheckCall,
  type CreateCall,
  type DeleteCall,
  type DiffCall,
  type Host,
  InitFailedError,
  type Provider,
  type ReadCall,
  type ResourceState,
  type UpdateCall,
} from '../provider';
import { Applier } from './apply';
import { Awaiter } from './await';
import { autonamed, checkInputs } from './check';
import { type ProviderConfig, parseConfig } from './config';
import { builtInNamespaced, describe, fieldManagerOf, kindOfToken, objectId, parseId } from './kinds';
import {
  importedInputs,
  outputsOf,
  previewOutputs,
  savedFieldManager,
  withoutDryRunValues,
  withSecrets,
} from './objects';
import { refreshedInputs } from './refresh';
import { remove } from './remove';
import { YamlDirectory } from './render';
import { changesIdentity, replacementRule } from './replacement';

const defaultNamespace = 'default';

/** A connection to one cluster and what works through it. */
interface Connection {
  readonly cluster: KubernetesCluster;
  readonly applier: Applier;
  readonly awaiter: Awaiter;
}

/**
 * Stand-in for the official kubernetes plugin: objects of any kind by server-side apply, checked by a
 * dry-run in previews, awaited by the official rules.
 * @see https://www.pulumi.com/registry/packages/kubernetes/
 */
export class KubernetesProvider implements Provider {
  private config: ProviderConfig = parseConfig({});
  private connection: Connection | undefined;
  /** Resources that this run replaces: at preview their old object is still there when the new one is created. */
  private readonly replacing = new Set<string>();

  constructor(private readonly host: Host) {}

  configure(args: PlainProperties): void {
    this.config = parseConfig(args);
  }

  async check(call: CheckCall) {
    return checkInputs(call, { namespace: await this.namespaceFor(reveal(call.news)) });
  }

  async diff({ urn, oldInputs, news }: DiffCall): Promise<Diff> {
    const old: PlainProperties = reveal(oldInputs);
    const found = changes(old, reveal(news));
    const replaces = replacementRule(old, this.config);
    if (found.some(replaces)) this.replacing.add(urn);
    const sameName = !found.some(changesIdentity);
    return { changes: found, replaces, deleteBeforeReplace: sameName && !autonamed(reveal(news)) };
  }

  async create(call: CreateCall): Promise<ResourceState> {
    const object: PlainProperties = reveal(call.inputs);
    const fieldManager = fieldManagerOf(call.urn);
    if (call.preview) return { id: previewId(object), outputs: await this.previewCreate(call, object) };
    const id = objectId(object);
    if (this.rendering) {
      await this.rendering.write(object);
      return { id, outputs: outputsOf(object, call.inputs, fieldManager) };
    }
    const created = await this.connect().applier.create({ urn: call.urn, object, fieldManager });
    return { id, outputs: await this.settle(call, id, created, fieldManager) };
  }

  async update(call: UpdateCall): Promise<Properties> {
    const object: PlainProperties = reveal(call.inputs);
    const fieldManager = savedFieldManager(call.oldOutputs) ?? fieldManagerOf(call.urn);
    if (call.preview) return this.previewUpdate(call, object, fieldManager);
    if (this.rendering) {
      await this.rendering.write(object);
      return outputsOf(object, call.inputs, fieldManager);
    }
    const updated = await this.connect().applier.update({ urn: call.urn, object, fieldManager });
    return this.settle(call, call.id, updated, fieldManager);
  }

  async read(call: ReadCall): Promise<ResourceState | undefined> {
    const known: PlainProperties = reveal(call.inputs);
    const { apiVersion, kind } = { ...kindOfToken(call.type), ...known };
    const { namespace, name } = parseId(call.id);
    if (this.rendering) {
      const exists = await this.rendering.has(known);
      return exists ? { id: call.id, outputs: call.outputs, inputs: call.inputs } : undefined;
    }
    const { cluster, applier, awaiter } = this.connect();
    const live = await cluster.read(apiVersion, kind, namespace ?? this.config.namespace, name);
    if (!live) return undefined;
    const fieldManager = savedFieldManager(call.outputs) ?? fieldManagerOf(call.urn);
    if (known.metadata?.name === undefined) {
      const inputs = withSecrets(importedInputs(live), {});
      return { id: objectId(live), inputs, outputs: outputsOf(live, inputs, fieldManager) };
    }
    // A cluster that refuses the dry-run still tells what is live: compare with that.
    const applied = await applier
      .applied({ urn: call.urn, object: known, fieldManager })
      .catch(() => undefined);
    const inputs = applied ? refreshedInputs(call.inputs, applied, live) : call.inputs;
    const state = { id: objectId(live), inputs, outputs: outputsOf(live, inputs, fieldManager) };
    const reasons = await awaiter.reasonsNotReady(known, live);
    if (reasons.length > 0) throw new InitFailedError(state, reasons);
    return state;
  }

  async delete({ urn, id, inputs, outputs, timeout }: DeleteCall): Promise<void> {
    const recorded: PlainProperties = { ...reveal(inputs), ...reveal(outputs) };
    const { namespace, name } = parseId(id);
    const object = { ...recorded, metadata: { ...recorded.metadata, namespace, name } };
    if (this.rendering) return this.rendering.remove(object);
    try {
      await remove(this.connect().cluster, this.host, { urn, object, timeout });
    } catch (error) {
      const unreachable = error instanceof KubernetesError && error.status === 0;
      if (!unreachable || !this.config.deleteUnreachable) throw error;
      this.host.log.warning(urn, `${describe(object)} is only removed from the state: ${error.message}`);
    }
  }

  async invoke(token: string, args: PlainProperties): Promise<PlainProperties> {
    if (token !== 'kubernetes:yaml:decode')
      throw new Error(`${token} needs the official kubernetes plugin: the stand-in decodes YAML only.`);
    const documents = parseAllDocuments(String(args.text));
    if (!Array.isArray(documents)) return { result: [] };
    for (const { errors } of documents)
      if (errors[0]) throw new Error(`The YAML is not well-formed: ${errors[0].message}`);
    return { result: documents.map((document) => document.toJS()).filter((object) => object !== null) };
  }

  private async previewCreate(call: CreateCall, object: PlainProperties): Promise<Properties> {
    if (this.rendering || containsUnknown(call.inputs)) return previewOutputs(call.inputs);
    const fieldManager = fieldManagerOf(call.urn);
    const application = { urn: call.urn, object, fieldManager };
    const dryRun = await this.connect().applier.previewCreate(application, this.replacing.has(call.urn));
    if (!dryRun) return previewOutputs(call.inputs);
    return outputsOf(withoutDryRunValues(dryRun, object), call.inputs, fieldManager);
  }

  private async previewUpdate(
    call: UpdateCall,
    object: PlainProperties,
    fieldManager: string,
  ): Promise<Properties> {
    if (this.rendering || containsUnknown(call.inputs)) return previewOutputs(call.inputs);
    const dryRun = await this.connect().applier.dryRun({ urn: call.urn, object, fieldManager });
    return dryRun ? outputsOf(dryRun, call.inputs, fieldManager) : previewOutputs(call.inputs);
  }

  /** Waits for a written object; when it does not get ready the state is kept with the reasons. */
  private async settle(
    { urn, inputs, timeout }: CreateCall,
    id: string,
    object: PlainProperties,
    fieldManager: string,
  ): Promise<Properties> {
    const wait = { urn, inputs: reveal(inputs), object, timeout };
    const { live, reasons } = await this.connect()
      .awaiter.untilReady(wait)
      .catch((error: Error) => ({ live: object, reasons: [error.message] }));
    const outputs = outputsOf(live, inputs, fieldManager);
    if (reasons.length > 0) throw new InitFailedError({ id, outputs, inputs }, reasons);
    return outputs;
  }

  /** Namespace that an object without one belongs to; undefined when its kind has none or is not known yet. */
  private async namespaceFor({ apiVersion, kind, metadata }: PlainProperties): Promise<string | undefined> {
    if (metadata?.namespace !== undefined || typeof apiVersion !== 'string' || typeof kind !== 'string')
      return undefined;
    const namespaced = builtInNamespaced(apiVersion, kind) ?? (await this.isNamespaced(apiVersion, kind));
    return namespaced ? (this.config.namespace ?? defaultNamespace) : undefined;
  }

  private async isNamespaced(apiVersion: string, kind: string): Promise<boolean> {
    try {
      return await this.connect().cluster.namespaced(apiVersion, kind);
    } catch (error) {
      // The CRD may be part of this update, and rendering needs no cluster; then the object says where it belongs.
      if (this.rendering || (error instanceof KubernetesError && error.status === 404)) return false;
      throw error;
    }
  }

  private get rendering(): YamlDirectory | undefined {
    const directory = this.config.renderYamlToDirectory;
    return directory === undefined ? undefined : new YamlDirectory(directory);
  }

  private connect(): Connection {
    if (!this.connection) {
      const cluster = loadCluster(this.config);
      const applier = new Applier(cluster, this.config, this.host);
      this.connection = { cluster, applier, awaiter: new Awaiter(cluster, this.host) };
    }
    return this.connection;
  }
}

/** The provider argument may be the text of a kubeconfig or the path of one, which kubectl's variable takes too. */
function loadCluster({ kubeconfig, context }: ProviderConfig): KubernetesCluster {
  const isText = kubeconfig !== undefined && /[\n{]/.test(kubeconfig);
  if (kubeconfig !== undefined && !isText) process.env.KUBECONFIG = kubeconfig;
  return KubernetesCluster.load({ kubeconfig: isText ? kubeconfig : undefined, context });
}

function previewId(object: PlainProperties): string {
  const { name, namespace } = object.metadata ?? {};
  return name instanceof Unknown || namespace instanceof Unknown ? '' : objectId(object);
}
