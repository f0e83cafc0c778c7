import { setTimeout as delay } from 'node:timers/promises';
import {
  type KubernetesCluster,
  KubernetesError,
  type KubernetesObject,
} from '../../../migrations/kubernetes/cluster';
import { type PlainProperties, deepEqual } from '../marshalling';
import type { Host } from '../provider';
import { type ProviderConfig, annotation, annotations } from './config';
import { dryRunUnsupported, explain, missesPrerequisite, transient } from './errors';
import { describe, generatedName } from './kinds';
import { comparable } from './objects';

/** How long a create waits for its namespace, its CRD or a webhook to appear. */
const prerequisiteDeadlineMs = 60_000;
const retryDelayMs = 1000;

/** Kinds whose dry-run under another name says nothing: the name is part of the meaning, or values are allocated. */
const nameMatters: ReadonlySet<string> = new Set([
  'APIService',
  'CustomResourceDefinition',
  'Namespace',
  'Service',
]);

interface Application {
  readonly urn: string;
  readonly object: PlainProperties;
  readonly fieldManager: string;
}

/** Writes objects by server-side apply. @see https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
export class Applier {
  constructor(
    private readonly cluster: KubernetesCluster,
    private readonly config: ProviderConfig,
    private readonly host: Host,
  ) {}

  /**
   * Shows what a create would make, as the API server answers a dry-run; undefined when only the update can
   * tell, because its namespace or kind does not exist yet.
   */
  async previewCreate(application: Application, replacing: boolean): Promise<PlainProperties | undefined> {
    const { object } = application;
    const existing = await this.find(object);
    if (existing?.metadata.deletionTimestamp) return undefined;
    if (existing && replacing) {
      if (nameMatters.has(object.kind)) return undefined;
      const name = generatedName(object.metadata.name, new Uint8Array());
      const renamed = { ...object, metadata: { ...object.metadata, name } };
      const preview = await this.dryRun({ ...application, object: renamed }, object);
      return preview && { ...preview, metadata: { ...preview.metadata, name: object.metadata.name } };
    }
    if (existing) await this.assertOurs(application, existing);
    return this.dryRun(application);
  }

  /** Creates the object, or continues a create that was interrupted before Pulumi recorded it. */
  async create(application: Application): Promise<PlainProperties> {
    const existing = await this.awaitDeleted(application);
    if (existing) await this.assertOurs(application, existing);
    return this.untilPrerequisites(application, () => this.apply(application));
  }

  /** Applies changed inputs to an object that exists. */
  async update(application: Application): Promise<PlainProperties> {
    return this.untilPrerequisites(application, () => this.apply(application));
  }

  /** Result of applying the object without doing it; undefined when the cluster cannot tell. */
  async dryRun(application: Application, subject = application.object): Promise<PlainProperties | undefined> {
    try {
      return await this.apply(application, { dryRun: true });
    } catch (error) {
      if (missesPrerequisite(error) || dryRunUnsupported(error)) return undefined;
      if (!transient(error)) throw explain(error, subject);
      const { message } = explain(error, subject);
      this.host.log.warning(application.urn, `not checked against the cluster: ${message}`);
      return undefined;
    }
  }

  /** The object as it would be if these inputs were applied, overriding other field managers. */
  async applied(application: Application): Promise<PlainProperties> {
    return this.apply(application, { dryRun: true, force: true });
  }

  private apply(
    { object, fieldManager }: Application,
    { dryRun = false, force = this.forced(object) } = {},
  ): Promise<PlainProperties> {
    return this.cluster.apply(object as KubernetesObject, { fieldManager, dryRun, force });
  }

  /** Without server-side apply there are no field owners, so there is nothing to conflict with. */
  private forced(object: PlainProperties): boolean {
    const wanted = annotation(object, 'patchForce');
    if (wanted !== undefined) return wanted === 'true';
    return this.config.enablePatchForce || !this.config.enableServerSideApply;
  }

  private find({ apiVersion, kind, metadata }: PlainProperties): Promise<KubernetesObject | undefined> {
    return this.cluster.read(apiVersion, kind, metadata.namespace, metadata.name);
  }

  /** An object of the same name may still be on its way out: from an update that was interrupted. */
  private async awaitDeleted({ urn, object }: Application): Promise<KubernetesObject | undefined> {
    let existing = await this.find(object);
    while (existing?.metadata.deletionTimestamp && !this.host.cancelled.aborted) {
      this.host.log.status(urn, `waiting until the previous ${describe(object)} is deleted`);
      await delay(retryDelayMs);
      existing = await this.find(object);
    }
    return existing;
  }

  /**
   * Refuses to take over an object that somebody else made. One that this resource's field manager made, and
   * that applying would not change, is what an interrupted create left behind.
   */
  private async assertOurs(application: Application, existing: KubernetesObject): Promise<void> {
    const { object, fieldManager } = application;
    if (annotation(object, 'patchForce') === 'true' || this.config.upsertExistingObjects) return;
    const managers = (existing.metadata.managedFields ?? []) as { manager?: string; operation?: string }[];
    if (managers.some(({ manager, operation }) => manager === fieldManager && operation === 'Apply')) {
      const result = await this.dryRun(application);
      if (result && deepEqual(comparable(result), comparable(existing))) return;
    }
    throw new Error(
      `${describe(object)} already exists and is not managed by this stack: import it with \`pulumi import\`, ` +
        `delete it, or take it over with the annotation ${annotations.patchForce}: "true".`,
    );
  }

  /** Repeats a write while its namespace, CRD or admission webhook is not there yet. */
  private async untilPrerequisites(
    { urn, object }: Application,
    write: () => Promise<PlainProperties>,
  ): Promise<PlainProperties> {
    const deadline = Date.now() + prerequisiteDeadlineMs;
    for (;;) {
      try {
        return await write();
      } catch (error) {
        const retry = missesPrerequisite(error) || transient(error);
        if (!retry || Date.now() >= deadline || this.host.cancelled.aborted) throw explain(error, object);
        this.host.log.status(urn, `retrying: ${(error as KubernetesError).message}`);
        await delay(retryDelayMs);
      }
    }
  }
}
