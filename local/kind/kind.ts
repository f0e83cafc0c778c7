import * as fs from 'node:fs';
import * as path from 'node:path';
import { KubernetesCluster } from '../../migrations/kubernetes/cluster';
import { cached } from '../cache';
import { cacheRoot, stateRoot } from '../paths';
import { note, step } from '../progress';
import { onPath, run } from '../process';
import { download, publishedChecksum, reach, Unreachable } from '../toolchain/download';
import { UserError } from '../user-error';
import { dockerRuns } from './docker';

/** Version of kind that is downloaded where none is on PATH; its default node image is Kubernetes 1.34. */
const KIND_VERSION = 'v0.30.0';

/** Name of the kind cluster. */
export const KIND_CLUSTER = 'agent-data-platform';

/** Address of the registry container for pushes from this machine and for pulls by the nodes. */
export const KIND_REGISTRY = 'localhost:5001';

const REGISTRY = { container: 'agent-data-platform-registry', image: 'registry:3', port: 5001 } as const;

/** Runs one command to its end and returns its standard output; replaced in unit tests. */
export type Execute = (command: string, args: readonly string[], input?: string) => Promise<string>;

const execute: Execute = async (command, args, input) => (await run(command, args, { input })).stdout;

/**
 * Creates the kind cluster and its registry unless they run, following kind's own recipe for local registries.
 * @throws UserError when Docker does not run, or kind is neither on PATH nor downloadable.
 * @see https://kind.sigs.k8s.io/docs/user/local-registry/
 */
export async function startKindCluster(name: string): Promise<void> {
  if (!(await dockerRuns()))
    throw new UserError(
      `The stack lives on the kind cluster "${name}", and Docker does not answer.`,
      'Start Docker, until `docker info` works.',
    );
  const kubeconfig = kindKubeconfig(name);
  fs.mkdirSync(path.dirname(kubeconfig), { recursive: true, mode: 0o700 });
  const kind = await kindCommand();
  const { created } = await bringUp({ kind, name, kubeconfig }, execute);
  if (created) await announceRegistry(kubeconfig);
}

/** Kubeconfig of a kind cluster of this project; the person's own files are left alone. */
export function kindKubeconfig(name: string): string {
  return path.join(stateRoot(), 'kind', `${name}.kubeconfig`);
}

/** Whether Docker answers and kind is here or can be downloaded. */
export async function kindUsable(): Promise<boolean> {
  if (!(await dockerRuns())) return false;
  if (onPath('kind') || fs.existsSync(path.join(cacheRoot(), 'kind', KIND_VERSION))) return true;
  return reach(kindRelease().url).then(
    () => true,
    (error: Error) => {
      note(`Docker runs, but kind is not on PATH and cannot be downloaded (${error.message})`);
      return false;
    },
  );
}

/** Steps of {@link startKindCluster} that are commands, each one a no-op when it was done before. */
export async function bringUp(
  { kind, name, kubeconfig }: { kind: string; name: string; kubeconfig: string },
  exec: Execute,
): Promise<{ created: boolean }> {
  await startContainer(REGISTRY.container, exec, [
    'run',
    '--detach',
    '--restart=always',
    '--publish',
    `127.0.0.1:${REGISTRY.port}:5000`,
    '--name',
    REGISTRY.container,
    REGISTRY.image,
  ]);
  const created = !(await clusters(kind, exec)).includes(name);
  if (created) {
    await step(`Creating the kind cluster ${name}`, () =>
      exec(
        kind,
        ['create', 'cluster', '--name', name, '--kubeconfig', kubeconfig, '--wait', '120s', '--config', '-'],
        clusterConfig(),
      ),
    );
  }
  const nodes = lines(await exec(kind, ['get', 'nodes', '--name', name]));
  for (const node of nodes) {
    // A machine that was restarted leaves the nodes stopped.
    if (!(await isRunning(node, exec))) await exec('docker', ['start', node]);
    const folder = `/etc/containerd/certs.d/${KIND_REGISTRY}`;
    await exec('docker', ['exec', node, 'mkdir', '-p', folder]);
    await exec(
      'docker',
      ['exec', '-i', node, 'cp', '/dev/stdin', `${folder}/hosts.toml`],
      `[host."http://${REGISTRY.container}:5000"]\n`,
    );
  }
  await exec(kind, ['export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfig]);
  const networks = await exec('docker', [
    'inspect',
    '--format',
    '{{json .NetworkSettings.Networks}}',
    REGISTRY.container,
  ]);
  if (!Object.hasOwn(JSON.parse(networks) as object, 'kind'))
    await exec('docker', ['network', 'connect', 'kind', REGISTRY.container]);
  return { created };
}

/** Stops the cluster's containers; their volumes and the registry's images stay. */
export async function stopKindCluster(name: string, kind?: string, exec: Execute = execute): Promise<void> {
  const nodes = lines(await exec(kind ?? (await kindCommand()), ['get', 'nodes', '--name', name]));
  for (const container of [...nodes, REGISTRY.container])
    if (await isRunning(container, exec)) await exec('docker', ['stop', container]);
}

/** Builds an image with Docker and puts it on the nodes, under its own name. */
export async function loadKindImage(
  name: string,
  { image, dockerfile, context }: { image: string; dockerfile: string; context: string },
  kind?: string,
  exec: Execute = execute,
): Promise<void> {
  await exec('docker', ['build', '--tag', image, '--file', dockerfile, context]);
  await exec(kind ?? (await kindCommand()), ['load', 'docker-image', image, '--name', name]);
}

/** Whether the cluster exists and its nodes run. */
export async function kindStatus(
  name: string,
  command?: string,
  exec: Execute = execute,
): Promise<'absent' | 'stopped' | 'running'> {
  const kind = command ?? (await kindCommand());
  if (!(await clusters(kind, exec)).includes(name)) return 'absent';
  const nodes = lines(await exec(kind, ['get', 'nodes', '--name', name]));
  const running = await Promise.all(nodes.map((node) => isRunning(node, exec)));
  return running.every(Boolean) ? 'running' : 'stopped';
}

function clusterConfig(): string {
  return JSON.stringify({ kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4' });
}

async function startContainer(name: string, exec: Execute, create: readonly string[]): Promise<void> {
  const known = lines(await exec('docker', ['ps', '--all', '--format', '{{.Names}}']));
  if (!known.includes(name)) await exec('docker', create);
  else if (!(await isRunning(name, exec))) await exec('docker', ['start', name]);
}

async function isRunning(container: string, exec: Execute): Promise<boolean> {
  const running = await exec('docker', ['inspect', '--format', '{{.State.Running}}', container]);
  return running.trim() === 'true';
}

async function clusters(kind: string, exec: Execute): Promise<string[]> {
  return lines(await exec(kind, ['get', 'clusters']));
}

/** Tells tools in the cluster where its registry is. */
async function announceRegistry(kubeconfig: string): Promise<void> {
  const cluster = KubernetesCluster.load({ kubeconfig: fs.readFileSync(kubeconfig, 'utf8') });
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'local-registry-hosting', namespace: 'kube-public' },
    data: { 'localRegistryHosting.v1': `host: "${KIND_REGISTRY}"\n` },
  };
  await cluster.apply(configMap, { fieldManager: 'agent-data-platform' });
}

/** Command of kind: on PATH, else the pinned official download, checked and kept in the cache. */
async function kindCommand(): Promise<string> {
  const installed = onPath('kind');
  if (installed) return installed;
  const file = kindRelease();
  const folder = await cached(
    { name: 'kind', version: KIND_VERSION },
    `Getting kind ${KIND_VERSION}`,
    async (dir) => {
      try {
        const checksum = await publishedChecksum(`${file.url}.sha256sum`, file.name);
        await download(file.url, checksum, path.join(dir, 'kind'));
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        throw new UserError(
          `Docker runs, but kind is not on PATH and cannot be downloaded: ${error.message}`,
          'Install kind from https://kind.sigs.k8s.io and run the command again.',
        );
      }
      fs.chmodSync(path.join(dir, 'kind'), 0o755);
    },
  );
  return path.join(folder, 'kind');
}

/** Release binary of the pinned version for this machine. */
export function kindRelease(
  platform: NodeJS.Platform = process.platform,
  arch: string = process.arch,
): { name: string; url: string } {
  const name = `kind-${platform}-${arch === 'x64' ? 'amd64' : arch}`;
  return {
    name,
    url: `https://github.com/kubernetes-sigs/kind/releases/download/${KIND_VERSION}/${name}`,
  };
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}
