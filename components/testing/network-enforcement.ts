import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goBinary } from '../../local/go-build';
import { assertHost } from '../../local/one-node/host';
import { network } from '../../local/one-node/network';
import {
  isDeciding,
  passConnections,
  policyDaemon,
  queueConnections,
} from '../../local/one-node/network-policies';
import { type Daemon, logTail, startDaemon, stopDaemon, waitFor } from '../../local/process';
import { goBuilds } from '../../local/versions';
import type { KubernetesCluster } from '../../migrations/kubernetes/cluster';

/**
 * Sees to it that a one-node cluster on this machine enforces NetworkPolicies; what any other cluster does is its own matter.
 * @returns Ends what it began.
 * @throws UserError when this process is not root or the kernel lacks NFQUEUE, Error when the process that decides ends.
 */
export async function enforceNetworkPolicies(cluster: KubernetesCluster): Promise<() => Promise<void>> {
  const { hostname } = new URL(cluster.config.getCurrentCluster()?.server ?? 'https://unknown');
  if (hostname !== network.nodeIp || isDeciding()) return () => Promise.resolve();
  assertHost();
  const folder = mkdtempSync(join(tmpdir(), 'network-policies-'));
  const daemon = await daemonIn(folder, cluster);
  const stop = async () => {
    await stopDaemon(daemon.pidFile);
    await passConnections();
    rmSync(folder, { recursive: true });
  };
  try {
    await queueConnections();
    await startDaemon(daemon);
    await waitFor(() => (isDeciding() ? true : undefined), 10_000);
  } catch (cause) {
    const log = logTail(daemon.logFile);
    await stop();
    throw new Error(`Nothing decides on network policies in this cluster:\n${log}`, { cause });
  }
  return stop;
}

async function daemonIn(folder: string, cluster: KubernetesCluster): Promise<Daemon> {
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, cluster.config.exportConfig(), { mode: 0o600 });
  const [node] = await cluster.list('v1', 'Node');
  const command = policyDaemon(await goBinary(goBuilds.kubeNetworkPolicies), {
    kubeconfig,
    nodeName: node?.metadata.name ?? '',
  });
  return { pidFile: join(folder, 'pid'), logFile: join(folder, 'log'), ...command };
}
