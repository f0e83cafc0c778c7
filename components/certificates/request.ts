/** A server's certificate, as its component asks for it. */
export interface CertificateRequest {
  /** Secret of type kubernetes.io/tls that the server's pods mount: `tls.crt`, `tls.key` and `ca.crt`. */
  readonly secret: string;
  /** Names that clients verify; the first is the subject. */
  readonly dnsNames: readonly string[];
  /** Default `ec` (P-256); `rsa` (3072 bits) for software that takes no other. */
  readonly keyType?: KeyType;
}

/** Kinds of private keys, as Node.js calls them. */
export type KeyType = 'ec' | 'rsa';

/** Services of one server. */
export interface ServedNames {
  readonly namespace: string;
  readonly clusterDomain?: string;
  readonly services: readonly string[];
  /** Headless Services, whose pods have names of their own. */
  readonly nodes?: readonly string[];
}

/** Every name under which a server's Services, and the pods of its headless ones, are reached; and localhost, for probes. */
export function servedNames({
  namespace,
  clusterDomain = 'cluster.local',
  services,
  nodes = [],
}: ServedNames): string[] {
  const forms = (name: string) => [
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
    `${name}.${namespace}.svc.${clusterDomain}`,
  ];
  return [
    ...services.flatMap((service) => [service, ...forms(service)]),
    ...nodes.flatMap((service) => [service, ...forms(service), ...forms(`*.${service}`)]),
    'localhost',
  ];
}
