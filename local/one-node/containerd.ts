import * as fs from 'node:fs';
import * as path from 'node:path';
import { processStartTime, waitFor } from '../process';
import { runHost } from './host';
import type { ClusterLayout } from './layout';

/** containerd's namespace of the images and containers that Kubernetes uses. */
const NAMESPACE = 'k8s.io';
const STOP_GRACE_MS = 30_000;

async function ctr(layout: ClusterLayout, args: readonly string[]): Promise<string> {
  const { stdout } = await runHost('ctr', [
    '--address',
    layout.containerdSocket,
    '--namespace',
    NAMESPACE,
    ...args,
  ]);
  return stdout;
}

/** Resolves once containerd answers. */
export async function containerdReady(layout: ClusterLayout): Promise<boolean> {
  return ctr(layout, ['version']).then(
    () => true,
    () => false,
  );
}

/** Digests of the images that the node has, by reference. */
export async function nodeImages(layout: ClusterLayout): Promise<Map<string, string>> {
  const rows = (await ctr(layout, ['images', 'list'])).trim().split('\n').slice(1);
  return new Map(
    rows.map((row) => {
      const [reference = '', , digest = ''] = row.split(/\s+/);
      return [reference, digest];
    }),
  );
}

/** Imports an OCI archive and unpacks it. */
export async function importImage(layout: ClusterLayout, archive: string): Promise<void> {
  await ctr(layout, ['images', 'import', archive]);
}

/** Asks every container to stop (SIGTERM), kills what is left after 30 s, and removes their shims. */
export async function stopContainers(layout: ClusterLayout): Promise<void> {
  const running = async () => {
    const rows = (await ctr(layout, ['tasks', 'list'])).trim().split('\n').slice(1);
    return rows.map((row) => row.split(/\s+/)).filter(([, , status]) => status === 'RUNNING');
  };
  const signal = async (name: string) => {
    for (const [id = ''] of await running()) {
      // A container that stops between the list and the signal is what we want.
      await ctr(layout, ['tasks', 'kill', '--signal', name, id]).catch(() => undefined);
    }
  };
  await signal('SIGTERM');
  const stopped = async () => ((await running()).length === 0 ? true : undefined);
  await waitFor(stopped, STOP_GRACE_MS, 250).catch(() => signal('SIGKILL'));
}

/** Kills the shims of this cluster's containers, and with them what is left of the containers. */
export async function killShims(layout: ClusterLayout): Promise<void> {
  const shims = findProcesses(
    (args) =>
      path.basename(args[0] ?? '').startsWith('containerd-shim') && args.includes(layout.containerdSocket),
  );
  for (const { pid } of shims) {
    for (const child of descendants(pid).reverse()) signalIfAlive(child);
    signalIfAlive(pid);
  }
  await waitFor(
    () => (shims.every(({ pid, startTime }) => processStartTime(pid) !== startTime) ? true : undefined),
    10_000,
  );
}

function signalIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

interface FoundProcess {
  pid: number;
  startTime: string;
}

function findProcesses(matches: (args: readonly string[]) => boolean): FoundProcess[] {
  return fs.readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const startTime = processStartTime(Number(entry));
    if (startTime === undefined) return [];
    try {
      const args = fs.readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      return matches(args) ? [{ pid: Number(entry), startTime }] : [];
    } catch {
      return [];
    }
  });
}

/** All processes below a process, parents first. */
function descendants(pid: number): number[] {
  let children: number[];
  try {
    const threads = fs.readdirSync(`/proc/${pid}/task`);
    children = threads.flatMap((thread) =>
      fs
        .readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter(Boolean)
        .map(Number),
    );
  } catch {
    return [];
  }
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** Unmounts everything that is mounted below the given folders, deepest first. */
export async function unmountBelow(...folders: readonly string[]): Promise<void> {
  const mounts = mountPointsBelow(fs.readFileSync('/proc/self/mountinfo', 'utf8'), folders);
  for (const mount of mounts) await runHost('umount', ['--lazy', mount]);
}

/** Mount points below folders in the text of `/proc/self/mountinfo`, deepest first. */
export function mountPointsBelow(mountinfo: string, folders: readonly string[]): string[] {
  const points = mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    // The kernel writes space, tab, newline and backslash as octal escapes.
    .map((point) =>
      point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    );
  return points.filter((point) => folders.some((folder) => point.startsWith(`${folder}/`))).reverse();
}

/** Removes the empty control groups that pods leave behind. */
export function removePodGroups(root = '/sys/fs/cgroup'): void {
  const candidates = [root, ...subfolders(root)].map((folder) => path.join(folder, 'kubepods'));
  for (const group of candidates.filter((folder) => fs.existsSync(folder))) removeGroup(group);
}

function removeGroup(folder: string): void {
  for (const child of subfolders(folder)) removeGroup(child);
  try {
    fs.rmdirSync(folder);
  } catch {
    // A process that is just dying still holds it; an empty group left over does no harm.
  }
}

function subfolders(folder: string): string[] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(folder, entry.name));
}
