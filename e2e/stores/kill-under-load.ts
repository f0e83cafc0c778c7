import type { KubernetesCluster } from '../../migrations/kubernetes/cluster';
import { eventually } from '../../migrations/testing/servers';
import { underWrites } from '../write-loop';
import type { StoreCase, StoreProbe } from './store-case';

/** What a store went through. */
export interface KillReport {
  readonly acknowledged: number;
  readonly lost: readonly number[];
  readonly longestGapMs: number;
}

const WRITES_BEFORE = 20;
const WRITES_AFTER = 20;
const BACK_WITHIN_MS = 300_000;

/** Kills a store's pod while one loop writes, waits until writes go on, and looks for every write that was acknowledged. */
export async function killUnderLoad(
  cluster: KubernetesCluster,
  namespace: string,
  storeCase: StoreCase,
  probe: StoreProbe,
): Promise<KillReport> {
  const write = async (id: string) => {
    await probe.write(number(id));
    return true;
  };
  const report = await underWrites(storeCase.store, write, async (loop) => {
    await eventually('writes before the kill', 120_000, async () => loop.count >= WRITES_BEFORE);
    const victim = await storeCase.victim(probe);
    const uid = (await cluster.read('v1', 'Pod', namespace, victim))?.metadata.uid;
    await cluster.delete('v1', 'Pod', namespace, victim, { gracePeriodSeconds: 0 });
    await eventually('the pod that takes its place', BACK_WITHIN_MS, async () => {
      const pod = await cluster.read('v1', 'Pod', namespace, victim);
      return pod !== undefined && pod.metadata.uid !== uid && isReady(pod.status?.conditions ?? []);
    });
    const atReturn = loop.count;
    await eventually(
      'writes after the kill',
      BACK_WITHIN_MS,
      async () => loop.count >= atReturn + WRITES_AFTER,
    );
  });
  const found = await eventually('the records to be read', 60_000, () => probe.written());
  const lost = report.acknowledged.map(number).filter((id) => !found.has(id));
  return { acknowledged: report.acknowledged.length, lost, longestGapMs: report.longestGapMs };
}

function number(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1));
}

function isReady(conditions: readonly { type: string; status: string }[]): boolean {
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
}
