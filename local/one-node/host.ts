import * as fs from 'node:fs';
import { step } from '../progress';
import { onPath, run, type RunOptions } from '../process';
import { UserError } from '../user-error';

/** Commands (or files) that the one-node cluster needs, with the Debian package that brings each. */
const requirements: Record<string, string> = {
  containerd: 'containerd',
  runc: 'runc',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
  etcd: 'etcd-server',
  iptables: 'iptables',
  ipset: 'ipset',
  conntrack: 'conntrack',
  socat: 'socat',
  ip: 'iproute2',
  mount: 'mount',
  debootstrap: 'debootstrap',
  unshare: 'util-linux',
  openssl: 'openssl',
};

/** Where Debian's packages put their commands, whatever the user's PATH is. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Environment in which the host's tools are found. */
export function hostEnvironment(): { PATH: string } {
  return { PATH: SYSTEM_PATH };
}

/** Runs a command of the host, also one that Debian keeps in sbin. */
export function runHost(command: string, args: readonly string[], options: RunOptions = {}) {
  return run(command, args, { ...options, env: { ...hostEnvironment(), ...options.env } });
}

/** Whether the host has a command. */
export function hostHas(command: string): boolean {
  return onPath(command, hostEnvironment()) !== undefined;
}

/**
 * Fails unless this machine can run the one-node cluster: Linux with root.
 * @throws UserError with the ways out.
 */
export function assertHost(host = { platform: process.platform as string, uid: process.getuid?.() }): void {
  if (host.platform !== 'linux') {
    throw new UserError(
      `The one-node cluster runs on Linux, and this is ${host.platform}.`,
      'Install Docker, or set kubeContext to a cluster you have.',
    );
  }
  if (host.uid !== 0) {
    throw new UserError(
      `The one-node cluster needs root, and this process runs as user ${host.uid}.`,
      'Run it as root, or install Docker, or set kubeContext to a cluster you have.',
    );
  }
}

/**
 * Installs the missing Debian packages.
 * @throws UserError when packages are missing and the machine is neither Debian nor Ubuntu.
 */
export async function installPackages(): Promise<void> {
  const packages = missingPackages();
  if (packages.length === 0) return;
  if (!hostHas('apt-get')) {
    throw new UserError(
      `The one-node cluster needs ${packages.join(', ')}, and this machine has no apt-get to install them.`,
      'Use Debian or Ubuntu, or install Docker, or set kubeContext to a cluster you have.',
    );
  }
  await installDebianPackages(packages);
}

/** Installs Debian packages, after fetching the current package lists; containerd and etcd do not stay running as services. */
export async function installDebianPackages(packages: readonly string[]): Promise<void> {
  await step(`Installing ${packages.join(', ')}`, async (report) => {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await runHost('apt-get', ['update'], { env, report });
    const before = runningServices();
    await runHost('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], { env, report });
    await stopNewServices(before);
  });
}

/** Debian packages of requirements that are not there. */
export function missingPackages(env: NodeJS.ProcessEnv = hostEnvironment()): string[] {
  return Object.entries(requirements)
    .filter(([command]) => !onPath(command, env))
    .map(([, name]) => name);
}

/** Services that Debian starts on installation, on the ports that the cluster's own processes use. */
const services = ['containerd', 'etcd'];

function runningServices(): Set<string> {
  return new Set(services.filter((name) => fs.existsSync(`/sys/fs/cgroup/system.slice/${name}.service`)));
}

async function stopNewServices(before: Set<string>): Promise<void> {
  if (!fs.existsSync('/run/systemd/system')) return;
  const started = [...runningServices()].filter((name) => !before.has(name));
  if (started.length > 0) await runHost('systemctl', ['disable', '--now', ...started]);
}
