import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { KubernetesObject } from '../../migrations/kubernetes/cluster';
import { UserError } from '../user-error';
import { runHost } from './host';
import { network } from './network';

/** Queue of the kernel in which new connections wait for a decision. */
export const POLICY_QUEUE = 100;

/** Name by which the API server knows the process that decides. */
export const POLICY_USER = 'kube-network-policies';

// The prefix has it removed with the other chains of Kubernetes, see removeNetwork.
const CHAIN = 'KUBE-NETWORK-POLICIES';

/** Where new connections of pods pass after the address of a Service became that of a pod: between pods, and to this machine. */
const HOOKS = [['FORWARD'], ['INPUT', '-i', network.bridge]] as const;

/**
 * Input for `iptables-restore --noflush` that makes the chain anew: whatever begins a connection waits in the queue. While
 * nobody decides, as during the start of a cluster, it passes.
 * @param release Version of the kernel; default this machine's.
 */
export function queueingRules(release = os.release()): string {
  const queue = `-A ${CHAIN} -m conntrack --ctstate NEW -j NFQUEUE --queue-num ${POLICY_QUEUE} --queue-bypass`;
  const passed = losesQueuedDns(release) ? [`-A ${CHAIN} -p udp --dport 53 -j RETURN`] : [];
  return ['*mangle', `:${CHAIN} - [0:0]`, ...passed, queue, 'COMMIT\n'].join('\n');
}

/**
 * Before 6.12, of two questions that a pod asks DNS at once, the kernel loses the one that comes out of the queue second.
 * @see https://bugzilla.netfilter.org/show_bug.cgi?id=1766
 */
function losesQueuedDns(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => parseInt(part, 10));
  return major < 6 || (major === 6 && minor < 12);
}

/**
 * Has new connections of pods wait for a decision; connections of this machine to pods, such as probes, do not.
 * @throws UserError on a kernel without NFQUEUE.
 */
export async function queueConnections(): Promise<void> {
  await runHost('iptables-restore', ['--noflush'], { input: queueingRules() }).catch((error: Error) => {
    throw new UserError(
      `This kernel cannot hold connections back for a decision on network policies: ${error.message}`,
      'Load or build in xt_NFQUEUE and nfnetlink_queue, or set kubeContext to a cluster you have.',
    );
  });
  for (const hook of HOOKS) {
    const rule = [...hook, '-j', CHAIN];
    const exists = await runHost('iptables', ['-t', 'mangle', '-C', ...rule]).then(
      () => true,
      () => false,
    );
    if (!exists) await runHost('iptables', ['-t', 'mangle', '-I', ...rule]);
  }
}

/** Lets every connection of pods pass again. */
export async function passConnections(): Promise<void> {
  for (const hook of HOOKS)
    await runHost('iptables', ['-t', 'mangle', '-D', ...hook, '-j', CHAIN]).catch(() => undefined);
  for (const step of ['-F', '-X'])
    await runHost('iptables', ['-t', 'mangle', step, CHAIN]).catch(() => undefined);
}

/** Whether a process decides on the connections in the queue. */
export function isDeciding(queues = '/proc/net/netfilter/nfnetlink_queue'): boolean {
  if (!fs.existsSync(queues)) return false;
  const lines = fs.readFileSync(queues, 'utf8').split('\n');
  return lines.some((line) => line.trim().split(/\s+/)[0] === String(POLICY_QUEUE));
}

/** Command line of the process that decides. */
export function policyDaemon(
  binaries: string,
  options: { readonly kubeconfig: string; readonly nodeName: string },
) {
  return {
    command: path.join(binaries, 'kube-network-policies'),
    args: [
      `--kubeconfig=${options.kubeconfig}`,
      `--hostname-override=${options.nodeName}`,
      `--nfqueue-id=${POLICY_QUEUE}`,
    ],
  };
}

/** What the process that decides may read, needed before it starts. */
export function policyReader(): KubernetesObject[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name: POLICY_USER };
  const rules = [
    { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
  ];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', ...metadata };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', ...metadata }];
  return [
    { apiVersion, kind: 'ClusterRole', metadata, rules },
    { apiVersion, kind: 'ClusterRoleBinding', metadata, roleRef, subjects },
  ];
}
