import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { stateRoot } from '../paths';
import { UserError } from '../user-error';

/** Volatile files of every one-node cluster on this machine: a reboot may or may not clear it. */
export const RUN_ROOT = '/run/agent-data-platform';

/** Linux limits the path of a Unix socket to 107 bytes; the kubelet adds up to 40 below its root folder. */
const LONGEST_KUBELET_ROOT = 107 - 40;

/** Where one cluster keeps its files. */
export interface ClusterLayout {
  readonly name: string;
  /** Everything that must survive a stop: certificates, etcd, images, volumes, logs. */
  readonly root: string;
  readonly pki: string;
  readonly etcd: string;
  readonly containerd: string;
  readonly kubelet: string;
  readonly volumes: string;
  readonly logs: string;
  readonly config: string;
  /** Administrator's kubeconfig, mode 0600. */
  readonly kubeconfig: string;
  /** Pid files, sockets and state of running containers. */
  readonly run: string;
  readonly containerdSocket: string;
  /** Kubernetes name of the node. */
  readonly nodeName: string;
}

/**
 * Layout of the cluster with this name below the state folder.
 * @throws UserError for a name that is not a short DNS label, or a state folder whose path is too long.
 */
export function clusterLayout(name: string, state = stateRoot()): ClusterLayout {
  if (!/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/.test(name)) {
    throw new UserError(
      `"${name}" is not a name for a cluster.`,
      'Use at most 30 lower-case letters, digits and dashes, starting with a letter.',
    );
  }
  const root = path.join(state, 'clusters', name);
  const kubelet = path.join(root, 'kubelet');
  if (kubelet.length > LONGEST_KUBELET_ROOT) {
    throw new UserError(
      `The state folder ${state} has too long a path for the kubelet's sockets (${kubelet.length} of ${LONGEST_KUBELET_ROOT} characters with "clusters/${name}/kubelet").`,
      'Set AGENT_DATA_PLATFORM_STATE to a shorter path.',
    );
  }
  const digest = createHash('sha256').update(root).digest('hex').slice(0, 8);
  const run = path.join(RUN_ROOT, `${name}-${digest}`);
  return {
    name,
    root,
    kubelet,
    run,
    pki: path.join(root, 'pki'),
    etcd: path.join(root, 'etcd'),
    containerd: path.join(root, 'containerd'),
    volumes: path.join(root, 'volumes'),
    logs: path.join(root, 'logs'),
    config: path.join(root, 'config'),
    kubeconfig: path.join(root, 'kubeconfig'),
    containerdSocket: path.join(run, 'containerd.sock'),
    nodeName: `agent-data-platform-${name}`,
  };
}

/** Creates the folders, and notes in the volatile one whose it is. */
export function createFolders(layout: ClusterLayout): void {
  fs.mkdirSync(RUN_ROOT, { recursive: true, mode: 0o755 });
  for (const folder of ['root', 'pki', 'etcd', 'containerd', 'kubelet', 'logs', 'config', 'run'] as const)
    fs.mkdirSync(layout[folder], { recursive: true, mode: 0o700 });
  // Containers of any user mount their volume from here, so it must be passable.
  fs.mkdirSync(layout.volumes, { recursive: true, mode: 0o755 });
  fs.writeFileSync(
    path.join(layout.run, 'owner.json'),
    JSON.stringify({ name: layout.name, state: path.dirname(path.dirname(layout.root)) }),
  );
}

/** Layouts of all clusters that have volatile files on this machine, whatever their state folder. */
export function knownLayouts(): ClusterLayout[] {
  if (!fs.existsSync(RUN_ROOT)) return [];
  return fs.readdirSync(RUN_ROOT).flatMap((entry) => {
    try {
      const owner = JSON.parse(fs.readFileSync(path.join(RUN_ROOT, entry, 'owner.json'), 'utf8'));
      return [clusterLayout(owner.name, owner.state)];
    } catch {
      return [];
    }
  });
}
