import * as fs from 'node:fs';
import * as path from 'node:path';
import { images } from '../../components/versions';
import { KubernetesCluster } from '../../migrations/kubernetes/cluster';
import { goBinary, goBuildVersion, hash } from '../go-build';
import { imageArchive, imageVersion } from '../images';
import { readArchive } from '../images/oci';
import { lockHolder, withLock } from '../lock';
import { stateRoot } from '../paths';
import { DeadlineError, daemonPid, logTail, startDaemon, stopDaemon, waitFor } from '../process';
import { note, step } from '../progress';
import { UserError } from '../user-error';
import { addOnImages, goBuilds } from '../versions';
import { addOns, addOnsReady, applyAddOns } from './add-ons';
import { configurationFiles, podResolvConf, writeConfiguration } from './configuration';
import {
  containerdReady,
  importImage,
  killShims,
  mountPointsBelow,
  nodeImages,
  removePodGroups,
  stopContainers,
  unmountBelow,
} from './containerd';
import { daemonNames, daemons, logFile, pidFile, type DaemonName, type DaemonOptions } from './daemons';
import { assertHost, installPackages } from './host';
import { clusterLayout, createFolders, knownLayouts, RUN_ROOT, type ClusterLayout } from './layout';
import { bridgeTrafficIsFiltered, createBridge, removeNetwork } from './network';
import { isDeciding, policyReader, queueConnections } from './network-policies';
import { ensurePki } from './pki';
import { assertPortsFree, ports } from './ports';

const START_MS = 180_000;

/** What is known about a one-node cluster. */
export interface OneNodeStatus {
  /** Whether it has data on this machine. */
  readonly exists: boolean;
  readonly running: readonly DaemonName[];
  /** Whether every process runs, the API server answers and the node takes pods. */
  readonly ready: boolean;
  readonly kubeconfig: string;
}

/**
 * Starts the one-node cluster, or returns at once when it runs; another one that runs is stopped first.
 * @returns Path of the administrator's kubeconfig, whose context is `agent-data-platform-<name>`.
 * @throws UserError without root or Linux, when a port or an address range is taken, and when another one is in use.
 */
export async function startOneNodeCluster(name: string): Promise<{ kubeconfig: string }> {
  assertHost();
  const layout = clusterLayout(name);
  return exclusively(async () => {
    if (!(await isUpToDate(layout))) {
      await step(`Starting the local cluster "${name}"`, async () => {
        await stopOthers(layout);
        await start(layout);
      });
    }
    return { kubeconfig: layout.kubeconfig };
  });
}

/** Stops the cluster's processes and pods and removes its network; its data stays. */
export async function stopOneNodeCluster(name: string): Promise<void> {
  assertHost();
  const layout = clusterLayout(name);
  await exclusively(() => stop(layout));
}

/** Runs while no other cluster may take this one's place; a second such run on this machine waits for the first. */
export function whileInUse<T>(name: string, run: () => Promise<T>): Promise<T> {
  assertHost();
  return withLock(inUseFolder(clusterLayout(name)), run, (holder) =>
    note(`Waiting for process ${holder}, which uses the local cluster "${name}"`),
  );
}

function inUseFolder(layout: ClusterLayout): string {
  return `${layout.run}.in-use`;
}

/** State of the cluster, without changing anything. */
export async function oneNodeStatus(name: string): Promise<OneNodeStatus> {
  const layout = clusterLayout(name);
  const running = daemonNames.filter((daemon) => daemonPid(pidFile(layout, daemon)) !== undefined);
  return {
    exists: fs.existsSync(layout.root),
    running,
    ready: running.length === daemonNames.length && (await nodeIsReady(layout)),
    kubeconfig: layout.kubeconfig,
  };
}

/** Stops the cluster and deletes all its data. */
export async function deleteOneNodeCluster(name: string): Promise<void> {
  assertHost();
  const layout = clusterLayout(name);
  await exclusively(async () => {
    await stop(layout);
    const relative = path.relative(path.join(stateRoot(), 'clusters'), layout.root);
    if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative))
      throw new Error(`${layout.root} is not below ${stateRoot()}: nothing is deleted.`);
    const mounts = mountPointsBelow(fs.readFileSync('/proc/self/mountinfo', 'utf8'), [layout.root]);
    if (mounts.length > 0) throw new Error(`${mounts.join(', ')} is still mounted: nothing is deleted.`);
    fs.rmSync(layout.root, { recursive: true, force: true });
  });
}

/** Loads an image archive into a running cluster, unless the node has that very image. */
export async function loadImage(name: string, archive: string): Promise<void> {
  await loadArchives(clusterLayout(name), [archive]);
}

function exclusively<T>(run: () => Promise<T>): Promise<T> {
  return withLock(path.join(RUN_ROOT, '.lock'), run, (holder) =>
    note(`Waiting for process ${holder}, which is starting or stopping the local cluster`),
  );
}

/** The images that the node must have: all but MinIO's, which the program builds. */
function nodeReferences(): string[] {
  return [...Object.values(addOnImages), ...Object.values(images).filter((image) => image !== images.minio)];
}

function readyFile(layout: ClusterLayout): string {
  return path.join(layout.run, 'ready');
}

/** Identity of the processes: they are restarted when their binaries, arguments or files change. */
function processVersion(layout: ClusterLayout): string {
  const planned = daemons(layout, {
    binaries: goBuildVersion(goBuilds.kubernetes),
    policyBinaries: goBuildVersion(goBuilds.kubeNetworkPolicies),
    bridgeIsFiltered: true,
  });
  return hash([JSON.stringify(planned), JSON.stringify(configurationFiles(layout))]);
}

/** Identity of what runs in the cluster from its start. */
function contentVersion(layout: ClusterLayout): string {
  const objects = addOns(layout, podResolvConf() !== '');
  return hash([JSON.stringify(objects), ...nodeReferences().map(imageVersion)]);
}

function readVersions(layout: ClusterLayout): { processes?: string; content?: string } {
  try {
    return JSON.parse(fs.readFileSync(readyFile(layout), 'utf8'));
  } catch {
    return {};
  }
}

async function isUpToDate(layout: ClusterLayout): Promise<boolean> {
  const { processes, content } = readVersions(layout);
  if (processes !== processVersion(layout) || content !== contentVersion(layout)) return false;
  return (await oneNodeStatus(layout.name)).ready;
}

async function nodeIsReady(layout: ClusterLayout, since = 0): Promise<boolean> {
  try {
    const node = await connect(layout).read('v1', 'Node', undefined, layout.nodeName);
    const conditions: { type: string; status: string; lastHeartbeatTime: string }[] =
      node?.status?.conditions;
    const ready = conditions?.find((condition) => condition.type === 'Ready');
    return ready?.status === 'True' && Date.parse(ready.lastHeartbeatTime) >= since;
  } catch {
    return false;
  }
}

function connect(layout: ClusterLayout): KubernetesCluster {
  return KubernetesCluster.load({ kubeconfig: fs.readFileSync(layout.kubeconfig, 'utf8') });
}

async function stopOthers(layout: ClusterLayout): Promise<void> {
  for (const other of knownLayouts().filter(({ run }) => run !== layout.run)) {
    if (!isRunning(other)) continue;
    const user = lockHolder(inUseFolder(other));
    if (user !== undefined)
      throw new UserError(
        `Only one local cluster runs at a time, and process ${user} (\`npm test\` or a benchmark) uses "${other.name}".`,
        'Wait until it has ended, or stop it.',
      );
    note(`Only one local cluster runs at a time: stopping "${other.name}", whose data stays`);
    await stop(other);
  }
}

function isRunning(layout: ClusterLayout, names: readonly DaemonName[] = daemonNames): boolean {
  return names.some((name) => daemonPid(pidFile(layout, name)) !== undefined);
}

async function start(layout: ClusterLayout): Promise<void> {
  await installPackages();
  const binaries = await goBinary(goBuilds.kubernetes);
  const policyBinaries = await goBinary(goBuilds.kubeNetworkPolicies);
  const archives = new Map<string, string>();
  for (const reference of nodeReferences()) archives.set(reference, await imageArchive(reference));

  const version = processVersion(layout);
  const outdated =
    isRunning(layout) && readVersions(layout).processes !== version && fs.existsSync(readyFile(layout));
  // Without containerd and kubelet nobody looks after what is left of the pods: begin from a clean machine.
  if (outdated || !isRunning(layout, ['containerd', 'kubelet'])) await stop(layout);
  const stopped = daemonNames.filter((name) => !isRunning(layout, [name]));
  assertPortsFree(stopped.flatMap((name) => (name in ports ? [...ports[name as keyof typeof ports]] : [])));
  createFolders(layout);
  await createBridge();
  await ensurePki(layout.pki, layout.nodeName);
  writeConfiguration(layout);

  const addOnArchives = Object.values(addOnImages).map((reference) => archives.get(reference) ?? '');
  await startProcesses(
    layout,
    { binaries, policyBinaries, bridgeIsFiltered: await bridgeTrafficIsFiltered() },
    addOnArchives,
  );
  await step('Starting DNS and volumes', async (report) => {
    const cluster = connect(layout);
    await applyAddOns(cluster, addOns(layout, podResolvConf() !== ''));
    await addOnsReady(cluster, report);
  });
  await step('Loading images', (report) => loadArchives(layout, [...archives.values()], report));
  const ready = { processes: version, content: contentVersion(layout) };
  fs.writeFileSync(readyFile(layout), JSON.stringify(ready));
}

async function startProcesses(
  layout: ClusterLayout,
  options: DaemonOptions,
  addOnArchives: readonly string[],
): Promise<void> {
  const planned = daemons(layout, options);
  await step('Starting the control plane', async (report) => {
    for (const name of ['etcd', 'kube-apiserver', 'containerd'] as const) await startDaemon(planned[name]);
    const started = ['etcd', 'kube-apiserver', 'containerd'] as const;
    await untilReady(layout, started, report, 'containerd', () => containerdReady(layout));
    await loadArchives(layout, addOnArchives, report);
    await untilReady(layout, started, report, 'the API server', () =>
      connect(layout)
        .request('GET', '/readyz', { timeoutMs: 2000 })
        .then(
          () => true,
          () => false,
        ),
    );
  });
  await step('Starting the node', async (report) => {
    // A node object from before must not be taken for the kubelet that starts now; its times have whole seconds.
    const since = isRunning(layout, ['kubelet']) ? 0 : Date.now() - 1000;
    await applyAddOns(connect(layout), policyReader());
    await queueConnections();
    for (const name of daemonNames) await startDaemon(planned[name]);
    await untilReady(
      layout,
      daemonNames,
      report,
      'the node',
      async () => isDeciding() && (await nodeIsReady(layout, since)),
    );
  });
}

/** Waits for a condition as long as the processes that it needs run. */
async function untilReady(
  layout: ClusterLayout,
  needed: readonly DaemonName[],
  report: (line: string) => void,
  what: string,
  probe: () => Promise<boolean>,
): Promise<void> {
  report(`waiting for ${what}`);
  const ended = () => needed.find((name) => !isRunning(layout, [name]));
  const outcome = await waitFor(async () => ((await probe()) ? 'ready' : ended()), START_MS, 200).catch(
    (error: unknown) => {
      if (error instanceof DeadlineError) return 'late' as const;
      throw error;
    },
  );
  if (outcome === 'ready') return;
  const culprit = needed.find((name) => name === outcome);
  const log = logFile(layout, culprit ?? needed.at(-1) ?? 'kubelet');
  throw new Error(
    culprit
      ? `${culprit} ended; its log ${log} says:\n${logTail(log)}`
      : `Waited ${START_MS / 1000} s for ${what} in vain; see the logs in ${layout.logs}. The last lines of ${log} are:\n${logTail(log)}`,
  );
}

async function loadArchives(
  layout: ClusterLayout,
  archives: readonly string[],
  report: (line: string) => void = () => undefined,
): Promise<void> {
  const present = await nodeImages(layout);
  for (const archive of archives) {
    const { reference, digest } = await readArchive(archive);
    if (present.get(reference) === digest) continue;
    report(reference);
    await importImage(layout, archive);
  }
}

const beforeContainers = [
  'kubelet',
  'kube-proxy',
  'kube-network-policies',
  'kube-scheduler',
  'kube-controller-manager',
] as const;

async function stop(layout: ClusterLayout): Promise<void> {
  if (!fs.existsSync(layout.run)) return;
  const work = async () => {
    for (const name of beforeContainers) await stopDaemon(pidFile(layout, name));
    if (isRunning(layout, ['containerd'])) await stopContainers(layout);
    await stopDaemon(pidFile(layout, 'containerd'));
    await killShims(layout);
    await stopDaemon(pidFile(layout, 'kube-apiserver'));
    await stopDaemon(pidFile(layout, 'etcd'));
    await unmountBelow(layout.run, layout.root);
    removePodGroups();
    await removeNetwork();
    fs.rmSync(layout.run, { recursive: true, force: true });
  };
  await (isRunning(layout) ? step(`Stopping the local cluster "${layout.name}"`, work) : work());
}
