import * as fs from 'node:fs';
import { note } from '../progress';
import { UserError } from '../user-error';
import { hostHas, runHost } from './host';

/** Addresses of the cluster; the bridge's own address is the node's, so that no other interface matters. */
export const network = {
  bridge: 'adp0',
  podCidr: '10.244.0.0/16',
  nodeIp: '10.244.0.1',
  serviceCidr: '10.96.0.0/16',
  apiServiceIp: '10.96.0.1',
  dnsIp: '10.96.0.10',
  clusterDomain: 'cluster.local',
} as const;

interface Route {
  dst: string;
  dev?: string;
}

/**
 * Creates the bridge that carries the pods, with the node's address.
 * @throws UserError when another interface already routes the cluster's addresses.
 */
export async function createBridge(): Promise<void> {
  const routes: Route[] = JSON.parse((await runHost('ip', ['-json', '-4', 'route', 'show'])).stdout || '[]');
  for (const cidr of [network.podCidr, network.serviceCidr]) {
    const clash = routes.find(
      ({ dst, dev }) => dst !== 'default' && dev !== network.bridge && overlaps(dst, cidr),
    );
    if (clash) {
      throw new UserError(
        `The cluster's address range ${cidr} is taken: this machine routes ${clash.dst} to ${clash.dev}.`,
        'Remove that route (another Kubernetes or VPN made it), or set kubeContext to a cluster you have.',
      );
    }
  }
  if (!fs.existsSync(`/sys/class/net/${network.bridge}`))
    await runHost('ip', ['link', 'add', network.bridge, 'type', 'bridge']);
  await runHost('ip', ['address', 'replace', `${network.nodeIp}/16`, 'dev', network.bridge]);
  await runHost('ip', ['link', 'set', network.bridge, 'up']);
  // Without a route of their own, packets to a Service that has no pod at the moment would leave this machine.
  const services = ['dev', network.bridge, 'src', network.nodeIp];
  await runHost('ip', ['route', 'replace', network.serviceCidr, ...services]);
  fs.writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
}

/** Whether traffic between pods on the bridge passes iptables; without it Services must masquerade everything. */
export async function bridgeTrafficIsFiltered(): Promise<boolean> {
  const setting = '/proc/sys/net/bridge/bridge-nf-call-iptables';
  if (!fs.existsSync(setting) && hostHas('modprobe')) {
    await runHost('modprobe', ['br_netfilter']).catch(() =>
      note('Kernel module br_netfilter is not available'),
    );
  }
  if (!fs.existsSync(setting)) return false;
  fs.writeFileSync(setting, '1');
  return true;
}

/** Whether two IPv4 ranges (`a.b.c.d` or `a.b.c.d/n`) share an address. */
export function overlaps(a: string, b: string): boolean {
  const [first, second] = [range(a), range(b)];
  return first.start <= second.end && second.start <= first.end;
}

function range(cidr: string): { start: number; end: number } {
  const [address = '', bits = '32'] = cidr.split('/');
  const value = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const size = 2 ** (32 - Number(bits));
  const start = Math.floor(value / size) * size;
  return { start, end: start + size - 1 };
}

/** Removes the bridge (the pods' interfaces go with their namespaces) and every iptables rule of Kubernetes and CNI. */
export async function removeNetwork(): Promise<void> {
  if (fs.existsSync(`/sys/class/net/${network.bridge}`))
    await runHost('ip', ['link', 'delete', network.bridge]);
  for (const family of ['iptables', 'ip6tables']) {
    if (!hostHas(`${family}-save`)) continue;
    const { stdout } = await runHost(`${family}-save`, []);
    const cleanup = cleanupRules(stdout);
    if (cleanup) await runHost(`${family}-restore`, ['--noflush'], { input: cleanup });
  }
}

const OURS = /^(KUBE|CNI)-/;

/**
 * Input for `iptables-restore --noflush` that removes the chains of kube-proxy, kubelet and CNI, and the rules that
 * jump to them; empty when there are none.
 * @param saved Output of `iptables-save`.
 */
export function cleanupRules(saved: string): string {
  const tables = saved.split(/^\*/m).slice(1);
  return tables
    .map((text) => {
      const [table, ...lines] = text.split('\n');
      const chains = lines
        .flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? [])
        .filter((chain) => OURS.test(chain));
      const jumps = lines.filter((line) => {
        const rule = /^-A (\S+) .*-j (\S+)/.exec(line);
        return rule !== null && !OURS.test(rule[1] ?? '') && OURS.test(rule[2] ?? '');
      });
      if (chains.length === 0) return '';
      return [
        `*${table}`,
        ...jumps.map((line) => line.replace(/^-A/, '-D')),
        ...chains.map((chain) => `-F ${chain}`),
        ...chains.map((chain) => `-X ${chain}`),
        'COMMIT\n',
      ].join('\n');
    })
    .join('');
}
