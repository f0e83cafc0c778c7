import { setTimeout as sleep } from 'node:timers/promises';
import type { KubernetesCluster, KubernetesObject } from '../../migrations/kubernetes/cluster';

/** Receives progress, one line at a time. */
export type Report = (line: string) => void;

/** Something in the cluster did not become ready in time. */
export class WaitTimeoutError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WaitTimeoutError';
  }
}

export interface WaitOptions {
  /** Milliseconds until the wait is given up. */
  readonly timeoutMs: number;
  readonly report: Report;
  /** Milliseconds between looks; default 1000. */
  readonly intervalMs?: number;
}

const REPEAT_MS = 15_000;

/**
 * Looks again and again until nothing is left to wait for, reporting each new state and repeating it every 15 s.
 * @param look Returns what is still awaited, or undefined when done.
 * @throws WaitTimeoutError with the last state.
 */
export async function waitUntil(
  what: string,
  look: () => Promise<string | undefined>,
  options: WaitOptions,
): Promise<void> {
  const startedAt = Date.now();
  let said = { state: '', at: 0 };
  for (;;) {
    const state = await look();
    if (state === undefined) return;
    const now = Date.now();
    if (now - startedAt >= options.timeoutMs) {
      throw new WaitTimeoutError(
        `${what} is not ready after ${Math.round(options.timeoutMs / 1000)} s: ${state}.`,
      );
    }
    if (state !== said.state || now - said.at >= REPEAT_MS) {
      options.report(`waiting for ${what}: ${state}`);
      said = { state, at: now };
    }
    await sleep(options.intervalMs ?? 1000);
  }
}

/** What a Deployment still lacks, or undefined when its newest pods are available. */
export function rolloutState(deployment: KubernetesObject | undefined): string | undefined {
  if (!deployment) return 'the Deployment does not exist yet';
  const status = deployment.status ?? {};
  const wanted: number = deployment.spec?.replicas ?? 1;
  if ((status.observedGeneration ?? 0) < (deployment.metadata.generation ?? 0)) return 'not observed yet';
  if ((status.updatedReplicas ?? 0) < wanted)
    return `${status.updatedReplicas ?? 0} of ${wanted} pods are up to date`;
  if ((status.replicas ?? 0) > wanted) return `${status.replicas - wanted} old pods are still there`;
  if ((status.availableReplicas ?? 0) < wanted)
    return `${status.availableReplicas ?? 0} of ${wanted} pods are available`;
  return undefined;
}

/**
 * Waits until a Deployment's newest pods are available.
 * @throws WaitTimeoutError naming what its pods wait for, such as an image that cannot be pulled.
 */
export async function waitForDeployment(
  cluster: KubernetesCluster,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  options: WaitOptions,
): Promise<void> {
  const look = async () => {
    const deployment = await cluster.read('apps/v1', 'Deployment', namespace, name);
    const state = rolloutState(deployment);
    if (!state || !deployment) return state;
    const problems = await podProblems(cluster, namespace, deployment.spec.selector?.matchLabels ?? {});
    return [state, ...problems].join('; ');
  };
  await waitUntil(`Deployment ${namespace}/${name}`, look, options);
}

async function podProblems(
  cluster: KubernetesCluster,
  namespace: string,
  matchLabels: Record<string, string>,
): Promise<string[]> {
  const selector = Object.entries(matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const pods = await cluster.list('v1', 'Pod', namespace, selector);
  return pods.flatMap((pod) => podWaits(pod).map((wait) => `pod ${pod.metadata.name} ${wait}`));
}

interface ContainerStatus {
  readonly image: string;
  readonly state?: { readonly waiting?: { readonly reason?: string } };
}

/** Reasons that pass by themselves. */
const STARTING = new Set(['PodInitializing', 'ContainerCreating']);

function podWaits(pod: KubernetesObject): string[] {
  const unscheduled = ((pod.status?.conditions ?? []) as { type: string; status: string; message?: string }[])
    .filter((condition) => condition.type === 'PodScheduled' && condition.status === 'False')
    .map((condition) => `cannot be scheduled: ${condition.message ?? 'no reason given'}`);
  const statuses: ContainerStatus[] = [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? []),
  ];
  const waiting = statuses.flatMap(({ image, state }) => {
    const cause = state?.waiting?.reason;
    return cause && !STARTING.has(cause) ? [`is in ${cause} (${image})`] : [];
  });
  return [...unscheduled, ...waiting];
}
