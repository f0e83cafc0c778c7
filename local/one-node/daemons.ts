import * as path from 'node:path';
import type { Daemon } from '../process';
import { hostEnvironment } from './host';
import type { ClusterLayout } from './layout';
import { network } from './network';
import { policyDaemon } from './network-policies';

/** Names of the cluster's processes, in the order in which they start. */
export const daemonNames = [
  'etcd',
  'kube-apiserver',
  'containerd',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-network-policies',
  'kubelet',
  'kube-proxy',
] as const;
export type DaemonName = (typeof daemonNames)[number];

/** What the processes' arguments depend on, besides the layout. */
export interface DaemonOptions {
  /** Folder of the Kubernetes binaries. */
  readonly binaries: string;
  /** Folder of the binary that decides on network policies. */
  readonly policyBinaries: string;
  /** Whether traffic between pods passes iptables; otherwise kube-proxy masquerades all traffic to Services. */
  readonly bridgeIsFiltered: boolean;
}

/** Pid file of one process. */
export function pidFile(layout: ClusterLayout, name: DaemonName): string {
  return path.join(layout.run, `${name}.pid`);
}

/** Log file of one process. */
export function logFile(layout: ClusterLayout, name: DaemonName): string {
  return path.join(layout.logs, `${name}.log`);
}

/** The cluster's processes with their arguments. */
export function daemons(layout: ClusterLayout, options: DaemonOptions): Record<DaemonName, Daemon> {
  const daemon = (name: DaemonName, command: string, args: Record<string, string>): Daemon => ({
    pidFile: pidFile(layout, name),
    logFile: logFile(layout, name),
    command,
    args: Object.entries(args).map(([flag, value]) => `--${flag}=${value}`),
    env: hostEnvironment(),
  });
  const kubernetes = (name: DaemonName, args: Record<string, string>) =>
    daemon(name, path.join(options.binaries, name), args);
  return {
    etcd: daemon('etcd', 'etcd', etcdArguments(layout)),
    containerd: daemon('containerd', 'containerd', {
      config: path.join(layout.config, 'containerd.toml'),
      'log-level': 'warn',
    }),
    'kube-apiserver': kubernetes('kube-apiserver', apiServerArguments(layout)),
    'kube-controller-manager': kubernetes('kube-controller-manager', controllerManagerArguments(layout)),
    'kube-scheduler': kubernetes('kube-scheduler', {
      kubeconfig: path.join(layout.config, 'scheduler.kubeconfig'),
      'bind-address': '127.0.0.1',
      'leader-elect': 'false',
    }),
    'kube-network-policies': {
      ...daemon('kube-network-policies', '', {}),
      ...policyDaemon(options.policyBinaries, {
        kubeconfig: path.join(layout.config, 'network-policies.kubeconfig'),
        nodeName: layout.nodeName,
      }),
    },
    kubelet: kubernetes('kubelet', {
      kubeconfig: path.join(layout.config, 'kubelet.kubeconfig'),
      config: path.join(layout.config, 'kubelet.yaml'),
      'root-dir': layout.kubelet,
      'hostname-override': layout.nodeName,
      'node-ip': network.nodeIp,
    }),
    'kube-proxy': kubernetes('kube-proxy', {
      kubeconfig: path.join(layout.config, 'proxy.kubeconfig'),
      'proxy-mode': 'iptables',
      'cluster-cidr': network.podCidr,
      'hostname-override': layout.nodeName,
      'healthz-bind-address': '127.0.0.1:10256',
      'metrics-bind-address': '127.0.0.1:10249',
      'nodeport-addresses': '127.0.0.0/8',
      'masquerade-all': String(!options.bridgeIsFiltered),
      // The machine may not allow connection tracking to be resized.
      'conntrack-max-per-core': '0',
      'conntrack-tcp-timeout-established': '0s',
      'conntrack-tcp-timeout-close-wait': '0s',
    }),
  };
}

/** @see https://etcd.io/docs/v3.4/op-guide/configuration/ */
function etcdArguments(layout: ClusterLayout): Record<string, string> {
  const pki = (file: string) => path.join(layout.pki, file);
  return {
    name: layout.nodeName,
    'data-dir': layout.etcd,
    'listen-client-urls': 'https://127.0.0.1:2379',
    'advertise-client-urls': 'https://127.0.0.1:2379',
    'listen-peer-urls': 'https://127.0.0.1:2380',
    'initial-advertise-peer-urls': 'https://127.0.0.1:2380',
    'initial-cluster': `${layout.nodeName}=https://127.0.0.1:2380`,
    'cert-file': pki('etcd.crt'),
    'key-file': pki('etcd.key'),
    'trusted-ca-file': pki('etcd-ca.crt'),
    'client-cert-auth': 'true',
    'peer-cert-file': pki('etcd.crt'),
    'peer-key-file': pki('etcd.key'),
    'peer-trusted-ca-file': pki('etcd-ca.crt'),
    'peer-client-cert-auth': 'true',
    logger: 'zap',
    'log-level': 'warn',
  };
}

/** @see https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ */
function apiServerArguments(layout: ClusterLayout): Record<string, string> {
  const pki = (file: string) => path.join(layout.pki, file);
  return {
    'bind-address': network.nodeIp,
    'advertise-address': network.nodeIp,
    'secure-port': '6443',
    'tls-cert-file': pki('apiserver.crt'),
    'tls-private-key-file': pki('apiserver.key'),
    'client-ca-file': pki('ca.crt'),
    'etcd-servers': 'https://127.0.0.1:2379',
    'etcd-cafile': pki('etcd-ca.crt'),
    'etcd-certfile': pki('apiserver-etcd-client.crt'),
    'etcd-keyfile': pki('apiserver-etcd-client.key'),
    'encryption-provider-config': pki('encryption.json'),
    'service-account-key-file': pki('service-account.pub'),
    'service-account-signing-key-file': pki('service-account.key'),
    'service-account-issuer': `https://kubernetes.default.svc.${network.clusterDomain}`,
    'service-cluster-ip-range': network.serviceCidr,
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'allow-privileged': 'true',
    'kubelet-client-certificate': pki('apiserver-kubelet-client.crt'),
    'kubelet-client-key': pki('apiserver-kubelet-client.key'),
    'kubelet-certificate-authority': pki('ca.crt'),
    'kubelet-preferred-address-types': 'InternalIP',
    'requestheader-client-ca-file': pki('front-proxy-ca.crt'),
    'requestheader-allowed-names': 'front-proxy-client',
    'requestheader-username-headers': 'X-Remote-User',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'proxy-client-cert-file': pki('front-proxy-client.crt'),
    'proxy-client-key-file': pki('front-proxy-client.key'),
    // For the policy that lets unmodified manifests use the images that are loaded, see add-ons.
    'feature-gates': 'MutatingAdmissionPolicy=true',
    'runtime-config': 'admissionregistration.k8s.io/v1beta1=true',
    profiling: 'false',
  };
}

function controllerManagerArguments(layout: ClusterLayout): Record<string, string> {
  return {
    kubeconfig: path.join(layout.config, 'controller-manager.kubeconfig'),
    'bind-address': '127.0.0.1',
    'service-account-private-key-file': path.join(layout.pki, 'service-account.key'),
    'root-ca-file': path.join(layout.pki, 'ca.crt'),
    'use-service-account-credentials': 'true',
    'cluster-signing-cert-file': path.join(layout.pki, 'ca.crt'),
    'cluster-signing-key-file': path.join(layout.pki, 'ca.key'),
    'leader-elect': 'false',
    profiling: 'false',
  };
}
