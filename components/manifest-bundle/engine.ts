import { KubernetesCluster, KubernetesError, KubernetesObject } from '../../migrations/kubernetes/cluster';
import { formatRef, inOrder, isDefinition, ObjectRef, refOf } from './object-ref';
import { Report, waitForDeployment, waitUntil } from './wait';

const FIELD_MANAGER = 'agent-data-platform';

/** The cluster already has this operator, installed by somebody else. */
export class ForeignInstallationError extends Error {
  constructor(found: ObjectRef, manager: string) {
    super(
      `The cluster already has ${formatRef(found)}, managed by ${manager}: set operators to "existing" to use it, or remove it first.`,
    );
    this.name = 'ForeignInstallationError';
  }
}

/**
 * Whether an error means that there is no cluster to ask, which a preview may go on without. A context that is not in the
 * kubeconfig is a mistake, unless the preview is rendered offline.
 */
export function isOffline(error: unknown): boolean {
  if (!(error instanceof KubernetesError)) return false;
  if (error.reason === 'NoContext') return process.env.AGENT_DATA_PLATFORM_OFFLINE === '1';
  return ['Unreachable', 'NoCluster'].includes(error.reason);
}

export interface ApplyOptions {
  readonly report: Report;
  /** Milliseconds that everything together may take to become ready; default 300000. */
  readonly timeoutMs?: number;
  /** Object whose dry-run creation shows that the operator's admission webhooks answer. */
  readonly probe?: KubernetesObject;
  /** Called with each object that is applied, so that a failure half-way knows what exists. */
  readonly onApplied?: (ref: ObjectRef) => void;
}

/**
 * Applies a bundle server-side in dependency order and waits until its Deployments run and its webhooks answer.
 * @throws KubernetesError for what the API server refuses, WaitTimeoutError for what does not become ready.
 */
export async function applyBundle(
  cluster: KubernetesCluster,
  objects: readonly KubernetesObject[],
  options: ApplyOptions,
): Promise<void> {
  const deadline = Date.now() + (options.timeoutMs ?? 300_000);
  const wait = () => ({ timeoutMs: Math.max(deadline - Date.now(), 0), report: options.report });
  const ordered = inOrder(objects);
  const definitions = ordered.filter(isDefinition);
  const early = ordered.filter((object) => object.kind === 'Namespace' || isDefinition(object));
  const apply = async (object: KubernetesObject) => {
    await cluster.apply(object, { fieldManager: FIELD_MANAGER, force: true });
    options.onApplied?.(refOf(object));
  };
  for (const object of early) await apply(object);
  for (const definition of definitions) await waitForDefinition(cluster, refOf(definition), wait());
  options.report(`applied ${early.length} of ${ordered.length} objects`);
  for (const object of ordered.slice(early.length)) await apply(object);
  options.report(`applied ${ordered.length} of ${ordered.length} objects`);
  for (const { kind, metadata } of ordered) {
    if (kind !== 'Deployment') continue;
    await waitForDeployment(cluster, { namespace: metadata.namespace!, name: metadata.name! }, wait());
  }
  if (options.probe) await waitForWebhook(cluster, options.probe, wait());
}

async function waitForDefinition(
  cluster: KubernetesCluster,
  { apiVersion, kind, name }: ObjectRef,
  options: { timeoutMs: number; report: Report },
): Promise<void> {
  const look = async () => {
    const definition = await cluster.read(apiVersion, kind, undefined, name);
    const conditions: { type: string; status: string }[] = definition?.status?.conditions ?? [];
    const established = conditions.some((c) => c.type === 'Established' && c.status === 'True');
    return established ? undefined : 'not established yet';
  };
  await waitUntil(`${kind} ${name}`, look, { ...options, intervalMs: 200 });
}

/** Webhooks fail closed, so the first object created right after the rollout would be refused. */
async function waitForWebhook(
  cluster: KubernetesCluster,
  probe: KubernetesObject,
  options: { timeoutMs: number; report: Report },
): Promise<void> {
  const look = async () => {
    try {
      await cluster.apply(probe, { fieldManager: FIELD_MANAGER, force: true, dryRun: true });
      return undefined;
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 500) return error.message;
      throw error;
    }
  };
  await waitUntil(`admission of ${probe.kind}`, look, options);
}

/** References of a bundle that are not in the cluster (any more), in the given order. */
export async function missingObjects(
  cluster: KubernetesCluster,
  refs: readonly ObjectRef[],
): Promise<ObjectRef[]> {
  const live = await Promise.all(
    refs.map((ref) => cluster.read(ref.apiVersion, ref.kind, ref.namespace, ref.name)),
  );
  return refs.filter((_, index) => live[index] === undefined);
}

/**
 * Refuses to take over an operator that somebody else installed, in any namespace.
 * @throws ForeignInstallationError naming it and its manager.
 */
export async function assertNotForeign(
  cluster: KubernetesCluster,
  objects: readonly KubernetesObject[],
): Promise<void> {
  for (const { kind, metadata, apiVersion } of objects) {
    if (kind !== 'Deployment') continue;
    const name = metadata.labels?.['app.kubernetes.io/name'];
    const found = name
      ? await cluster.list(apiVersion, kind, undefined, `app.kubernetes.io/name=${name}`)
      : [];
    for (const deployment of found) {
      const managers = ((deployment.metadata.managedFields ?? []) as { manager?: string }[]).map(
        ({ manager }) => manager ?? 'unknown',
      );
      if (managers.includes(FIELD_MANAGER)) continue;
      throw new ForeignInstallationError(refOf(deployment), managers[0] ?? 'unknown');
    }
  }
}
