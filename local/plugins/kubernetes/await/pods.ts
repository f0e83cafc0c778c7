import type { KubernetesCluster } from '../../../../migrations/kubernetes/cluster';
import type { PlainProperties } from '../../marshalling';
import { conditionOf } from './verdict';

/** Most pods and log lines to mention: a status message is read on one screen. */
const maximumPods = 3;
const logLines = 5;

/** Reads the cluster for what the pods' own status does not say. */
export interface PodEvidence {
  /** Last lines that a container printed before it stopped. */
  lastLog(pod: PlainProperties, container: string): Promise<string>;
  /** Message of the pod's latest warning event. */
  lastWarning(pod: PlainProperties): Promise<string | undefined>;
}

/** Says why the pods of a workload are not ready, one line per pod, at most three pods. */
export async function explainPods(pods: PlainProperties[], evidence: PodEvidence): Promise<string[]> {
  const unready = pods.filter(
    (pod) =>
      !pod.metadata.deletionTimestamp &&
      pod.status?.phase !== 'Succeeded' &&
      conditionOf(pod, 'Ready')?.status !== 'True',
  );
  return Promise.all(
    unready
      .slice(0, maximumPods)
      .map(async (pod) => `pod ${pod.metadata.name}: ${await explainPod(pod, evidence)}`),
  );
}

async function explainPod(pod: PlainProperties, evidence: PodEvidence): Promise<string> {
  const { status } = pod;
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status === 'False') return `not scheduled: ${scheduled.message ?? scheduled.reason}`;
  for (const container of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]) {
    const reason = await explainContainer(pod, container, evidence);
    if (reason) return reason;
  }
  const warning = await evidence.lastWarning(pod);
  return warning ?? status?.message ?? `phase ${status?.phase ?? 'unknown'}`;
}

async function explainContainer(
  pod: PlainProperties,
  container: PlainProperties,
  evidence: PodEvidence,
): Promise<string | undefined> {
  const { waiting, terminated } = container.state ?? {};
  const stopped = terminated ?? container.lastState?.terminated;
  if (waiting?.reason === 'CrashLoopBackOff' || (terminated && terminated.exitCode !== 0)) {
    const log = await evidence.lastLog(pod, container.name);
    return `container ${container.name} exits with code ${stopped?.exitCode ?? 'unknown'}${log ? `, last output:\n${log}` : ''}`;
  }
  if (waiting && !['ContainerCreating', 'PodInitializing'].includes(waiting.reason))
    return `container ${container.name} waits (${waiting.reason})${waiting.message ? `: ${waiting.message}` : ''} [image ${container.image}]`;
  return undefined;
}

/** Evidence from a cluster. */
export function clusterEvidence(cluster: KubernetesCluster): PodEvidence {
  return {
    async lastLog({ metadata }, container) {
      const path = await cluster.path('v1', 'Pod', metadata.namespace, metadata.name);
      const read = async (previous: boolean): Promise<string> => {
        const query = { container, previous: String(previous), tailLines: String(logLines) };
        // The log may be gone with its container; the exit code is reason enough then.
        const log = await cluster.request<unknown>('GET', `${path}/log`, { query }).catch(() => '');
        const text = typeof log === 'string' ? log : JSON.stringify(log);
        return text.startsWith('unable to retrieve container logs') ? '' : text.trimEnd();
      };
      return (await read(false)) || read(true);
    },
    async lastWarning({ metadata }) {
      const path = await cluster.path('v1', 'Event', metadata.namespace);
      const { items } = await cluster.request<{ items: PlainProperties[] }>('GET', path, {
        query: { fieldSelector: `involvedObject.uid=${metadata.uid},type=Warning` },
      });
      const last = items.at(-1);
      return last && `${last.reason}: ${last.message}`;
    },
  };
}
