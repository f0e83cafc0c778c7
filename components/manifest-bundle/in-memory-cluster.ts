import { KubernetesCluster, KubernetesError, KubernetesObject } from '../../migrations/kubernetes/cluster';
import { formatRef, refOf } from './object-ref';

/** The part of a cluster that bundles use, in memory, for unit tests. */
export class InMemoryCluster {
  /** Live objects by reference. */
  readonly objects = new Map<string, KubernetesObject>();
  /** What was asked, in order: `apply …`, `dry-run …`, `delete …`. */
  readonly calls: string[] = [];
  /** Errors to answer the next calls of this form with, in order. */
  readonly failures = new Map<string, KubernetesError[]>();

  constructor(objects: readonly KubernetesObject[] = []) {
    for (const object of objects) this.objects.set(formatRef(refOf(object)), object);
  }

  /** The same object as the class under test takes it. */
  asCluster(): KubernetesCluster {
    return this as unknown as KubernetesCluster;
  }

  async apply(object: KubernetesObject, options: { dryRun?: boolean; fieldManager: string }) {
    const ref = formatRef(refOf(object));
    this.call(`${options.dryRun ? 'dry-run' : 'apply'} ${ref}`);
    const live = {
      ...object,
      metadata: { ...object.metadata, managedFields: [{ manager: options.fieldManager }] },
      status: readyStatus(object),
    };
    if (!options.dryRun) this.objects.set(ref, live);
    return live;
  }

  async read(apiVersion: string, kind: string, namespace: string | undefined, name: string) {
    return this.objects.get(formatRef({ apiVersion, kind, ...(namespace ? { namespace } : {}), name }));
  }

  async list(apiVersion: string, kind: string, namespace?: string, labelSelector?: string) {
    const [key, value] = labelSelector?.split('=') ?? [];
    return [...this.objects.values()].filter(
      (object) =>
        object.apiVersion === apiVersion &&
        object.kind === kind &&
        (!namespace || object.metadata.namespace === namespace) &&
        (!key || object.metadata.labels?.[key] === value),
    );
  }

  async delete(apiVersion: string, kind: string, namespace: string | undefined, name: string) {
    const ref = formatRef({ apiVersion, kind, ...(namespace ? { namespace } : {}), name });
    this.call(`delete ${ref}`);
    return this.objects.delete(ref);
  }

  async request(_method: string, path: string) {
    const [, , group, version] = path.split('/');
    const resources = [...this.objects.values()]
      .filter(({ kind, spec }) => kind === 'CustomResourceDefinition' && spec.group === group)
      .filter(({ spec }) => spec.versions.some((v: { name: string }) => v.name === version))
      .map(({ metadata }) => ({ name: metadata.name!.slice(0, metadata.name!.indexOf('.')) }));
    if (resources.length === 0) throw new KubernetesError(404, 'NotFound', 'not found');
    return { resources };
  }

  private call(line: string): void {
    this.calls.push(line);
    const failure = this.failures.get(line)?.shift();
    if (failure) throw failure;
  }
}

function readyStatus({ kind }: KubernetesObject): object {
  if (kind === 'CustomResourceDefinition') return { conditions: [{ type: 'Established', status: 'True' }] };
  return { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
}
