/** A store of one server without authentication and TLS of its own, behind the proxy of auth-proxy.ts in the same pod. */
import {
  authProxyConfiguration,
  type AuthProxyArgs,
  authProxyPodParts,
  probesThroughProxy,
} from './auth-proxy';
import { type CertificateRequest, servedNames } from './certificates/request';
import {
  configurationAnnotation,
  containerSecurityContext,
  labels,
  podSecurityContext,
  selectorLabels,
} from './metadata';
import { type PodResources, type VolumeArgs, volumeClaimTemplate } from './pod-args';

/** What differs between the stores. */
export interface ProxiedStoreArgs {
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly proxyImage: string;
  /** Arguments of the server, whose image has it as its entry point. */
  readonly serverArgs: readonly string[];
  /** Files of the server's configuration, by name; mounted at `/etc/store`. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  /** Where the volume is mounted. */
  readonly dataPath: string;
  readonly storage: VolumeArgs;
  readonly resources: PodResources;
  /** Its roles have a Secret `<name>-<role>` each. */
  readonly proxy: AuthProxyArgs;
  /** PriorityClass of the pod; default none. */
  readonly priorityClass?: string;
  /** Services for clients: port of the proxy by name. */
  readonly services: Readonly<Record<string, number>>;
  /** Port of every one of these Services. */
  readonly port: number;
}

/** Object specifications of a proxied store; the component adds what is secret. */
export type ProxiedStoreSpec = ReturnType<typeof proxiedStoreSpec>;

const UID = 65534;

/** Every name that clients of a proxied store verify. */
export function proxiedStoreCertificate(
  { name, namespace }: Pick<ProxiedStoreArgs, 'name' | 'namespace'>,
  services: readonly string[],
): CertificateRequest {
  return {
    secret: `${name}-tls`,
    dnsNames: servedNames({ namespace, services, nodes: [`${name}-nodes`] }),
  };
}

/** Pure specification of everything that a proxied store consists of. */
export function proxiedStoreSpec(args: ProxiedStoreArgs) {
  const metadata = (name: string) => ({
    name,
    namespace: args.namespace,
    labels: labels({ name: args.name }),
  });
  const selector = selectorLabels({ name: args.name });
  const { name, proxy } = args;
  const files = { ...args.files, 'nginx.conf': authProxyConfiguration(proxy) };
  const protocol = proxy.tlsSecret ? 'https' : 'http';
  const ports = (port: number) => [{ name: protocol, port: args.port, targetPort: port }];
  return {
    scheme: proxy.scheme,
    healthPort: proxy.healthPort,
    tlsSecret: proxy.tlsSecret,
    serviceAccount: { metadata: metadata(name), automountServiceAccountToken: false },
    configMap: { metadata: metadata(name), data: files },
    credentials: { metadata: metadata(`${name}-proxy`), type: 'Opaque' },
    roles: Object.fromEntries(
      proxy.roles.map((role) => [role, roleSecret(proxy.scheme, metadata(`${name}-${role}`))]),
    ),
    services: {
      nodes: {
        metadata: metadata(`${name}-nodes`),
        spec: { clusterIP: 'None', selector, ports: ports(proxy.listeners[0]!.port) },
      },
      clients: Object.entries(args.services).map(([service, port]) => ({
        metadata: metadata(service),
        spec: { selector, ports: ports(port) },
      })),
    },
    /** The server needs no other host, and queries that name one must not reach it. */
    networkPolicy: {
      metadata: metadata(name),
      spec: { podSelector: { matchLabels: selector }, policyTypes: ['Egress'], egress: [] },
    },
    statefulSet: {
      metadata: metadata(name),
      spec: {
        serviceName: `${name}-nodes`,
        replicas: 1,
        updateStrategy: { type: 'RollingUpdate' },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        selector: { matchLabels: selector },
        template: {
          metadata: {
            labels: labels({ name }),
            annotations: configurationAnnotation(JSON.stringify(files)),
          },
          spec: podSpec(args),
        },
        volumeClaimTemplates: [volumeClaimTemplate('data', args.storage, selector)],
      },
    },
  };
}

function roleSecret(scheme: AuthProxyArgs['scheme'], metadata: object) {
  return { metadata, type: scheme === 'basic' ? 'kubernetes.io/basic-auth' : 'Opaque' };
}

function podSpec(args: ProxiedStoreArgs) {
  const parts = authProxyPodParts(
    { ...args.proxy, image: args.proxyImage },
    { configMap: args.name, credentialsSecret: `${args.name}-proxy` },
  );
  return {
    serviceAccountName: args.name,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
    // As process 1 of its own container, Oxigraph ignores the signal to stop.
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: 60,
    securityContext: podSecurityContext(UID),
    containers: [
      {
        name: args.name,
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        args: [...args.serverArgs],
        ...(args.env ? { env: [...args.env] } : {}),
        resources: args.resources,
        securityContext: containerSecurityContext(),
        ...probesThroughProxy(args.proxy),
        volumeMounts: [
          { name: 'data', mountPath: args.dataPath },
          { name: 'tmp', mountPath: '/tmp' },
          ...(args.files ? [{ name: 'auth-proxy', mountPath: '/etc/store', readOnly: true }] : []),
        ],
      },
      parts.container,
    ],
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '256Mi' } }, ...parts.volumes],
  };
}
