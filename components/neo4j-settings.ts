import type { ResolvedNeo4jArgs } from './neo4j-args';
import { mebibytes, neo4jMemory } from './neo4j-memory';

export const BOLT_PORT = 7687;

/** Ports between the servers of a cluster. */
export const clusterPorts = { cluster: 6000, raft: 7000, routing: 7688 } as const;

/** Folder of the certificate, its key and the authority. */
export const TLS_FOLDER = '/tls';
/** The user that a server starts with. */
export const ADMIN_USER = 'neo4j';

/** An environment variable of the container. */
type Variable =
  { readonly name: string; readonly value: string } | { readonly name: string; readonly valueFrom: object };

/**
 * Environment of the server: every `NEO4J_` variable but the first ones becomes a line of neo4j.conf.
 * @see https://neo4j.com/docs/operations-manual/5/docker/ref-settings/
 */
export function environment(args: ResolvedNeo4jArgs): Variable[] {
  const settings = { ...commonSettings(args), ...(args.servers > 1 ? clusterSettings(args) : {}) };
  return [
    {
      name: 'ADMIN_PASSWORD',
      valueFrom: { secretKeyRef: { name: `${args.name}-logins`, key: ADMIN_USER } },
    },
    // Only the first start of an empty volume reads it.
    { name: 'NEO4J_AUTH', value: `${ADMIN_USER}/$(ADMIN_PASSWORD)` },
    ...(args.edition === 'enterprise'
      ? [{ name: 'NEO4J_ACCEPT_LICENSE_AGREEMENT', value: args.acceptLicenseAgreement! }]
      : []),
    ...(args.plugins.length > 0 ? [{ name: 'NEO4J_PLUGINS', value: JSON.stringify(args.plugins) }] : []),
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ...Object.entries(settings).map(([name, value]) => ({ name: variable(name), value })),
  ];
}

/** `server.memory.heap.max_size` is written `NEO4J_server_memory_heap_max__size`. */
export function variable(setting: string): string {
  return `NEO4J_${setting.replaceAll('_', '__').replaceAll('.', '_')}`;
}

function commonSettings(args: ResolvedNeo4jArgs): Record<string, string> {
  const { heapMiB, pageCacheMiB } = neo4jMemory(mebibytes(args.resources.limits.memory));
  return {
    'server.memory.heap.initial_size': `${heapMiB}m`,
    'server.memory.heap.max_size': `${heapMiB}m`,
    'server.memory.pagecache.size': `${pageCacheMiB}m`,
    // Kubernetes starts it anew; a server that has run out of memory answers nobody.
    'server.jvm.additional': '-XX:+ExitOnOutOfMemoryError',
    'server.default_advertised_address':
      args.servers > 1 ? serverHost(args, '$(POD_NAME)') : `${args.name}.${args.namespace}.svc`,
    'dbms.usage_report.enabled': 'false',
    'client.allow_telemetry': 'false',
    // Everything is done over Bolt.
    'server.http.enabled': 'false',
    ...(args.tlsSecret ? { 'server.bolt.tls_level': 'REQUIRED', ...sslPolicy('bolt', 'NONE') } : {}),
  };
}

/**
 * Serves the certificate in the folder, TLS 1.2 or newer.
 * @see https://neo4j.com/docs/operations-manual/5/security/ssl-framework/
 */
function sslPolicy(scope: 'bolt' | 'cluster', clientAuth: 'NONE' | 'REQUIRE'): Record<string, string> {
  const settings = {
    enabled: 'true',
    base_directory: TLS_FOLDER,
    private_key: 'tls.key',
    public_certificate: 'tls.crt',
    client_auth: clientAuth,
    tls_versions: 'TLSv1.3,TLSv1.2',
  };
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`dbms.ssl.policy.${scope}.${name}`, value]),
  );
}

/**
 * The servers know each other by name. Writes that reach any of them are passed on to the leader, so that one Service is
 * the address of the whole cluster.
 * @see https://neo4j.com/docs/operations-manual/5/clustering/setup/discovery/
 */
function clusterSettings(args: ResolvedNeo4jArgs): Record<string, string> {
  const hosts = Array.from({ length: args.servers }, (_, index) => serverHost(args, `${args.name}-${index}`));
  const self = serverHost(args, '$(POD_NAME)');
  return {
    'initial.server.mode_constraint': 'PRIMARY',
    'initial.dbms.default_primaries_count': String(args.servers),
    'dbms.cluster.minimum_initial_system_primaries_count': String(args.servers),
    'dbms.cluster.discovery.version': 'V2_ONLY',
    'dbms.cluster.discovery.resolver_type': 'LIST',
    'dbms.cluster.discovery.v2.endpoints': hosts.map((host) => `${host}:${clusterPorts.cluster}`).join(','),
    // The image would advertise the bare host names, which no other pod can resolve.
    'server.cluster.advertised_address': `${self}:${clusterPorts.cluster}`,
    'server.cluster.raft.advertised_address': `${self}:${clusterPorts.raft}`,
    'server.routing.advertised_address': `${self}:${clusterPorts.routing}`,
    'dbms.routing.enabled': 'true',
    'dbms.routing.default_router': 'SERVER',
    // Both ends show a certificate of the authority in the folder's `trusted`.
    ...(args.tlsSecret ? sslPolicy('cluster', 'REQUIRE') : {}),
  };
}

function serverHost({ name, namespace, clusterDomain }: ResolvedNeo4jArgs, pod: string): string {
  return `${pod}.${name}-servers.${namespace}.svc.${clusterDomain}`;
}
