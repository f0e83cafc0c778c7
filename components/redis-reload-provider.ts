import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1Status } from '@kubernetes/client-node';
import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster, type KubernetesObject } from '../migrations/kubernetes/cluster';
import type { RedisReloadInputs } from './redis-reload';

const DEADLINE_MS = 300_000;
const POLL_MS = 1_000;
/** The script itself waits 20 s for the kubelet. */
const SCRIPT_MS = 60_000;
const SCRIPT = '/etc/redis/config/reload.sh';
const FIELD_MANAGER = 'agent-data-platform-redis';
const REVISION_ANNOTATION = 'agent-data-platform/revision';

/**
 * Provider method: returns once every pod uses the revision.
 * @throws Error naming the pod and what it said when one does not within 5 minutes.
 */
export async function reloadRedis(inputs: RedisReloadInputs, deadlineMs = DEADLINE_MS) {
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const deadline = Date.now() + deadlineMs;
  const pods = await podsOf(cluster, inputs);
  await Promise.all(pods.map((pod) => reloadPod(cluster, inputs, pod, deadline)));
  return { id: `${inputs.namespace}/${inputs.workloads[0]!.name}`, outs: inputs };
}

interface PodContainer {
  readonly pod: string;
  readonly container: string;
}

/** The pods that there should be; none before the first start. */
async function podsOf(
  cluster: KubernetesCluster,
  { namespace, workloads }: RedisReloadInputs,
): Promise<PodContainer[]> {
  const pods: PodContainer[] = [];
  for (const { name, container } of workloads) {
    const set = await cluster.read('apps/v1', 'StatefulSet', namespace, name);
    const replicas: number = set?.spec.replicas ?? 0;
    for (let ordinal = 0; ordinal < replicas; ordinal++) pods.push({ pod: `${name}-${ordinal}`, container });
  }
  return pods;
}

async function reloadPod(
  cluster: KubernetesCluster,
  inputs: RedisReloadInputs,
  target: PodContainer,
  deadline: number,
): Promise<void> {
  const { namespace, what, revision } = inputs;
  for (let attempt = 1; ; attempt++) {
    const pod = await cluster.read('v1', 'Pod', namespace, target.pod);
    const isRunning = pod !== undefined && runs(pod, target.container);
    // It will read the files when it starts; that it does is seen to once the workloads are as they should be.
    if (!isRunning && what === 'acl') return;
    const problem = isRunning
      ? await attemptReload(cluster, inputs, target, attempt).catch((error: Error) => error.message)
      : 'it does not run';
    if (problem === undefined) return;
    if (Date.now() > deadline) {
      throw new Error(
        `Pod ${namespace}/${target.pod} does not use the passwords of revision ${revision.slice(0, 12)}: ${problem}. The old ones stay valid; see to the pod and run \`pulumi up\` again.`,
      );
    }
    await delay(POLL_MS);
  }
}

function runs({ metadata, status }: KubernetesObject, container: string): boolean {
  const statuses = (status?.containerStatuses ?? []) as { name: string; state?: { running?: object } }[];
  return (
    metadata.deletionTimestamp === undefined &&
    statuses.some(({ name, state }) => name === container && state?.running !== undefined)
  );
}

/** What went wrong; undefined when nothing did. */
async function attemptReload(
  cluster: KubernetesCluster,
  { namespace, revision, what }: RedisReloadInputs,
  { pod, container }: PodContainer,
  attempt: number,
): Promise<string | undefined> {
  // A changed pod makes the kubelet bring its Secrets up to date now instead of within a minute or two.
  const annotations = { [REVISION_ANNOTATION]: `${revision.slice(0, 12)}-${what}-${attempt}` };
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: pod, namespace, annotations } },
    { fieldManager: FIELD_MANAGER, force: true },
  );
  const command = ['/bin/sh', SCRIPT, revision, what];
  const { status, stderr } = await execute(cluster, { namespace, pod, container }, command);
  if (status.status === 'Success') return undefined;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (code === '75') return 'the kubelet has not brought it the new Secret';
  return stderr.trim() || status.message || `the script ended with ${code}`;
}

/** Runs a command in a container. @throws Error when it does not end within a minute, or the connection does. */
async function execute(
  { config }: KubernetesCluster,
  { namespace, pod, container }: PodContainer & { readonly namespace: string },
  command: string[],
): Promise<{ status: V1Status; stderr: string }> {
  const { Exec } = await import('@kubernetes/client-node/dist/exec.js');
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  const exec = new Exec(config);
  let socket: { close(): void } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<V1Status>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error('its script does not end')), SCRIPT_MS);
    exec.exec(namespace, pod, container, command, null, output, null, false, resolve).then((opened) => {
      socket = opened;
      opened.onclose = () => reject(new Error('the connection to its script was lost'));
    }, reject);
  });
  try {
    return { status: await ended, stderr: Buffer.concat(chunks).toString('utf8') };
  } finally {
    clearTimeout(timer);
    socket?.close();
  }
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: (inputs) => reloadRedis(inputs),
  update: (_id, _olds, news) => reloadRedis(news),
};
