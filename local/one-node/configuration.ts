import * as fs from 'node:fs';
import * as path from 'node:path';
import { stringify } from 'yaml';
import { addOnImages } from '../versions';
import type { ClusterLayout } from './layout';
import { network } from './network';
import { writePrivate } from './pki';

const API_SERVER = `https://${network.nodeIp}:6443`;

/** Clients of the API server that are processes on this machine, by certificate name. */
const componentClients = ['controller-manager', 'scheduler', 'kubelet', 'proxy', 'network-policies'] as const;

/** Configuration files of containerd, CNI, the kubelet and the clients of the API server, by path. */
export function configurationFiles(layout: ClusterLayout): Record<string, string> {
  const clients = componentClients.map((client) => {
    const certificate = path.join(layout.pki, `${client}.crt`);
    const key = path.join(layout.pki, `${client}.key`);
    const user = { 'client-certificate': certificate, 'client-key': key };
    const cluster = { 'certificate-authority': path.join(layout.pki, 'ca.crt') };
    return [`${client}.kubeconfig`, kubeconfig('local', cluster, user)];
  });
  return {
    'containerd.toml': containerdConfiguration(layout),
    'cni/10-bridge.conflist': JSON.stringify(cniConfiguration(layout), null, 2),
    'kubelet.yaml': stringify(kubeletConfiguration(layout)),
    ...Object.fromEntries(clients),
  };
}

/** Writes the configuration files, the pods' resolv.conf and the administrator's kubeconfig. */
export function writeConfiguration(layout: ClusterLayout): void {
  const files = { ...configurationFiles(layout), 'resolv.conf': podResolvConf() };
  for (const [file, content] of Object.entries(files)) {
    const target = path.join(layout.config, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    writePrivate(target, content);
  }
  writePrivate(layout.kubeconfig, adminKubeconfig(layout));
}

/** Kubeconfig of the administrator, complete in itself so that it can be copied. */
function adminKubeconfig(layout: ClusterLayout): string {
  const base64 = (file: string) => fs.readFileSync(path.join(layout.pki, file)).toString('base64');
  return kubeconfig(
    `agent-data-platform-${layout.name}`,
    { 'certificate-authority-data': base64('ca.crt') },
    { 'client-certificate-data': base64('admin.crt'), 'client-key-data': base64('admin.key') },
  );
}

function kubeconfig(name: string, cluster: Record<string, string>, user: Record<string, string>): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: API_SERVER, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

/** @see https://github.com/containerd/containerd/blob/release/1.6/docs/cri/config.md */
function containerdConfiguration(layout: ClusterLayout): string {
  return `version = 2
root = "${layout.containerd}"
state = "${layout.run}/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]

[grpc]
  address = "${layout.containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${addOnImages.pause}"
  # Without CAP_SYS_RESOURCE a lower OOM score than one's own cannot be set.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  enable_unprivileged_ports = true
  stream_server_address = "127.0.0.1"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${layout.config}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;
}

/** @see https://www.cni.dev/plugins/current/main/bridge/ */
function cniConfiguration(layout: ClusterLayout) {
  return {
    cniVersion: '1.0.0',
    name: layout.nodeName,
    plugins: [
      {
        type: 'bridge',
        bridge: network.bridge,
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: path.join(layout.run, 'ipam'),
          ranges: [[{ subnet: network.podCidr, gateway: network.nodeIp }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

/** @see https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/ */
function kubeletConfiguration(layout: ClusterLayout) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: network.nodeIp,
    healthzBindAddress: '127.0.0.1',
    tlsCertFile: path.join(layout.pki, 'kubelet-server.crt'),
    tlsPrivateKeyFile: path.join(layout.pki, 'kubelet-server.key'),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: path.join(layout.pki, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    clusterDNS: [network.dnsIp],
    clusterDomain: network.clusterDomain,
    containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
    resolvConf: path.join(layout.config, 'resolv.conf'),
    cgroupDriver: 'cgroupfs',
    enforceNodeAllocatable: [],
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    serializeImagePulls: false,
    // How long a changed Secret may take to reach the files of a running pod.
    syncFrequency: '10s',
    // Images come from archives, not from a registry: nothing may collect them.
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    shutdownGracePeriod: '0s',
  };
}

/** Name servers that pods can use: empty on a machine that has none but its own. */
export function podResolvConf(): string {
  const file = ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf'].find((name) => fs.existsSync(name));
  return file ? reachableNameservers(fs.readFileSync(file, 'utf8')) : '';
}

/** The name servers of a resolv.conf without loopback ones, which in a pod would be the pod itself. */
export function reachableNameservers(resolvConf: string): string {
  return resolvConf
    .split('\n')
    .filter((line) => /^nameserver\s/.test(line) && !/^nameserver\s+(127\.|::1)/.test(line))
    .map((line) => `${line}\n`)
    .join('');
}
