import * as fs from 'node:fs';
import { UserError } from '../user-error';

/** TCP ports that the cluster's processes listen on, by process. */
export const ports = {
  etcd: [2379, 2380],
  'kube-apiserver': [6443],
  'kube-controller-manager': [10257],
  'kube-scheduler': [10259],
  kubelet: [10248, 10250],
  'kube-proxy': [10249, 10256],
} as const;

/** A process that listens on a port. */
export interface PortHolder {
  port: number;
  /** Undefined when the process belongs to another PID namespace. */
  pid?: number;
  command?: string;
}

/**
 * Fails when any of the ports is taken, whoever holds it and at whatever address.
 * @throws UserError naming the port and the process.
 */
export function assertPortsFree(wanted: readonly number[]): void {
  const [holder] = portHolders(wanted);
  if (!holder) return;
  const who = holder.pid === undefined ? 'another process' : `${holder.command} (process ${holder.pid})`;
  throw new UserError(
    `Port ${holder.port}, which the local cluster needs, is taken by ${who}.`,
    'Stop that process, or set kubeContext to a cluster you have.',
  );
}

/** Processes that listen on the given TCP ports, in the order of the ports. */
export function portHolders(wanted: readonly number[], proc = '/proc'): PortHolder[] {
  const listening = ['tcp', 'tcp6'].flatMap((family) => listeners(`${proc}/net/${family}`));
  const taken = wanted.flatMap((port) => listening.find((socket) => socket.port === port) ?? []);
  return taken.map(({ port, inode }) => ({ port, ...socketOwner(inode, proc) }));
}

/** Listening sockets of one `/proc/net/tcp` file. */
function listeners(file: string): { port: number; inode: string }[] {
  if (!fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A')
    .map((fields) => ({ port: parseInt(fields[1]?.split(':')[1] ?? '', 16), inode: fields[9] ?? '' }));
}

function socketOwner(inode: string, proc: string): { pid?: number; command?: string } {
  const pid = fs
    .readdirSync(proc)
    .filter((entry) => /^\d+$/.test(entry))
    .find((entry) => openFiles(`${proc}/${entry}/fd`).includes(`socket:[${inode}]`));
  if (pid === undefined) return {};
  return { pid: Number(pid), command: tryRead(() => fs.readFileSync(`${proc}/${pid}/comm`, 'utf8').trim()) };
}

function openFiles(folder: string): string[] {
  const descriptors = tryRead(() => fs.readdirSync(folder)) ?? [];
  return descriptors.flatMap((descriptor) => tryRead(() => fs.readlinkSync(`${folder}/${descriptor}`)) ?? []);
}

/** Processes and their descriptors go away while we look. */
function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
