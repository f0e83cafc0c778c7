import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesCluster } from '../../../migrations/kubernetes/cluster';
import type { PlainProperties } from '../marshalling';
import type { Host } from '../provider';
import { annotation } from './config';
import { describe } from './kinds';

const defaultTimeoutSeconds = 600;
const firstPollMs = 100;
const slowestPollMs = 2000;

/** Values of the annotation `pulumi.com/deletionPropagationPolicy`. */
const policies = { foreground: 'Foreground', background: 'Background', orphan: 'Orphan' } as const;

interface Removal {
  readonly urn: string;
  /** The object as last recorded; its annotations steer propagation and waiting. */
  readonly object: PlainProperties;
  /** Seconds; 0 means the default of 600. */
  readonly timeout: number;
}

/** Deletes an object and waits until it is gone. */
export async function remove(cluster: KubernetesCluster, host: Host, removal: Removal): Promise<void> {
  const { urn, object, timeout } = removal;
  const { apiVersion, kind, metadata } = object;
  const propagationPolicy = policyOf(object);
  const existed = await cluster.delete(apiVersion, kind, metadata.namespace, metadata.name, {
    propagationPolicy,
  });
  if (!existed || annotation(object, 'skipAwait') === 'true') return;
  const seconds = timeout || Number(annotation(object, 'timeoutSeconds')) || defaultTimeoutSeconds;
  const deadline = Date.now() + seconds * 1000;
  let uid: string | undefined;
  let lastStatus = '';
  for (let pollMs = firstPollMs; ; pollMs = Math.min(pollMs * 1.5, slowestPollMs)) {
    const live = await cluster.read(apiVersion, kind, metadata.namespace, metadata.name);
    // Another uid is another object, made by a controller under the same name.
    if (!live || (uid ??= live.metadata.uid) !== live.metadata.uid) return;
    const blockers = blockersOf(live);
    if (Date.now() >= deadline || host.cancelled.aborted) {
      const why = host.cancelled.aborted ? 'cancelled' : `not gone after ${seconds} s`;
      throw new Error(`Deleting ${describe(object)} was ${why}: ${blockers}.`);
    }
    if (blockers !== lastStatus) host.log.status(urn, `deleting ${describe(object)}: ${blockers}`);
    lastStatus = blockers;
    await delay(pollMs);
  }
}

function policyOf(object: PlainProperties) {
  const wanted = annotation(object, 'deletionPropagationPolicy') ?? 'foreground';
  const known = Object.entries(policies).find(([name]) => name === wanted.toLowerCase());
  if (known) return known[1];
  throw new Error(
    `${describe(object)} has the deletion propagation policy "${wanted}": use ${Object.keys(policies).join(', ')}.`,
  );
}

/** What keeps an object that is being deleted. */
function blockersOf(live: PlainProperties): string {
  const finalizers: string[] = live.metadata.finalizers ?? live.spec?.finalizers ?? [];
  const conditions: { type: string; status: string; message?: string }[] = live.status?.conditions ?? [];
  const reasons = conditions
    .filter(({ type, status }) => status === 'True' && /Remaining|Failure/.test(type))
    .map(({ message }) => message);
  if (finalizers.length > 0) reasons.unshift(`finalizers left: ${finalizers.join(', ')}`);
  return reasons.join('; ') || 'waiting for the API server';
}
