import type { KubernetesCluster, KubernetesObject } from '../../migrations/kubernetes/cluster';
import { formatRef, inOrder, isDefinition, ObjectRef, refOf } from './object-ref';
import { Report, waitUntil } from './wait';

const TIMEOUT_MS = 120_000;
/** How long objects that are already being deleted, or whose owner is gone, may take to disappear. */
const GARBAGE_COLLECTION_MS = 30_000;
/** What a namespace may hold that the bundle did not put there. */
const WORKLOADS = [
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['v1', 'PersistentVolumeClaim'],
] as const;

/**
 * Deletes objects of a bundle in reverse order of creation and waits until they are gone.
 * Never deletes data: a CustomResourceDefinition of which objects are left, and a Namespace that still holds other
 * workloads, volume claims or such objects, stay.
 * @returns One warning per object that stays, saying why and how to remove it.
 */
export async function removeObjects(
  cluster: KubernetesCluster,
  refs: readonly ObjectRef[],
  report: Report,
): Promise<string[]> {
  const warnings: string[] = [];
  const deleted: ObjectRef[] = [];
  const heldNamespaces = new Set<string>();
  for (const ref of inOrder(refs).reverse()) {
    const holders = await holdersOf(cluster, ref, report);
    for (const { namespace } of holders) if (namespace) heldNamespaces.add(namespace);
    const heldByKeptDefinition = ref.kind === 'Namespace' && heldNamespaces.has(ref.name);
    if (holders.length > 0 || heldByKeptDefinition) {
      warnings.push(keptWarning(ref, holders));
      continue;
    }
    if (await cluster.delete(ref.apiVersion, ref.kind, ref.namespace, ref.name)) deleted.push(ref);
  }
  for (const ref of deleted) {
    const look = async () =>
      (await cluster.read(ref.apiVersion, ref.kind, ref.namespace, ref.name))
        ? 'still being deleted'
        : undefined;
    await waitUntil(formatRef(ref), look, { timeoutMs: TIMEOUT_MS, report, intervalMs: 300 });
  }
  return warnings;
}

function keptWarning(ref: ObjectRef, holders: readonly ObjectRef[]): string {
  const left = holders.slice(0, 3).map(formatRef);
  const more = holders.length > left.length ? ` and ${holders.length - left.length} more` : '';
  const why = left.length > 0 ? `${left.join(', ')}${more}` : 'objects whose definition was kept';
  return `kept ${ref.kind} ${ref.name}, because it still holds ${why}; once they are not needed, delete them and run: kubectl delete ${ref.kind.toLowerCase()} ${ref.name}`;
}

/** What would be lost with an object. */
async function holdersOf(cluster: KubernetesCluster, ref: ObjectRef, report: Report): Promise<ObjectRef[]> {
  if (isDefinition(ref)) return customResources(cluster, ref, report);
  if (ref.kind !== 'Namespace') return [];
  const lists = await Promise.all(WORKLOADS.map(([version, kind]) => cluster.list(version, kind, ref.name)));
  return lists
    .flat()
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .map(refOf);
}

async function customResources(
  cluster: KubernetesCluster,
  definition: ObjectRef,
  report: Report,
): Promise<ObjectRef[]> {
  const live = await cluster.read(definition.apiVersion, definition.kind, undefined, definition.name);
  if (!live) return [];
  const { group, names, versions } = live.spec as DefinitionSpec;
  const version = versions.find(({ served }) => served)?.name;
  const list = () => (version ? cluster.list(`${group}/${version}`, names.kind) : []);
  let left = await list();
  if (left.length > 0 && left.every(isVanishing)) {
    const look = async () => {
      left = await list();
      return left.length > 0 && left.every(isVanishing) ? `${left.length} being deleted` : undefined;
    };
    await waitUntil(`objects of ${definition.name}`, look, {
      timeoutMs: GARBAGE_COLLECTION_MS,
      report,
    }).catch(() => undefined);
  }
  return left.map(refOf);
}

interface DefinitionSpec {
  readonly group: string;
  readonly names: { readonly kind: string };
  readonly versions: readonly { readonly name: string; readonly served: boolean }[];
}

function isVanishing({ metadata }: KubernetesObject): boolean {
  return Boolean(metadata.deletionTimestamp) || Array.isArray(metadata.ownerReferences);
}
