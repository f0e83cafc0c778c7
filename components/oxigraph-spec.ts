import type { ProxyRule } from './auth-proxy';
import type { CertificateRequest } from './certificates/request';
import { selectorLabels } from './metadata';
import type { PodFlows } from './network-flows';
import { type OxigraphArgs, resolveOxigraphArgs, type ResolvedOxigraphArgs } from './oxigraph-args';
import { proxiedStoreCertificate, proxiedStoreSpec } from './proxied-store-spec';

/** Port of both Services. */
const PORT = 7878;
const READ_ONLY_PORT = 7880;
const SERVER_PORT = 7879;
const HEALTH_PORT = 7881;

/**
 * `owner` applies changes, `app` is for applications, `readonly` reads at the read-only endpoint only, `backup` also downloads
 * graphs there, and `monitor` learns whether the store is well.
 */
export const oxigraphRoles = ['owner', 'app', 'readonly', 'backup', 'monitor'] as const;

/** Object specifications of the Oxigraph component; the component adds what is secret. */
export type OxigraphSpec = ReturnType<typeof oxigraphSpec>;

/**
 * Pure specification of everything the Oxigraph component declares.
 * @throws Error listing every problem in the arguments.
 */
export function oxigraphSpec(input: OxigraphArgs) {
  const args = resolveOxigraphArgs(input);
  const { name, namespace, image, proxyImage, storage, resources, tlsSecret, priorityClass } = args;
  const readOnly = readOnlyService(name);
  const host = (service: string) => `${service}.${namespace}.svc`;
  return {
    ...proxiedStoreSpec({
      name,
      namespace,
      image,
      proxyImage,
      storage,
      resources,
      priorityClass,
      serverArgs: [
        'serve',
        ...['--location', '/data/store', '--bind', `127.0.0.1:${SERVER_PORT}`],
        ...['--timeout-s', String(args.queryTimeoutSeconds)],
      ],
      dataPath: '/data',
      proxy: {
        realm: 'Oxigraph',
        scheme: 'basic',
        roles: oxigraphRoles,
        listeners: [
          { port: PORT, rules: writingRules(args) },
          { port: READ_ONLY_PORT, rules: readingRules },
        ],
        healthPort: HEALTH_PORT,
        upstreamPort: SERVER_PORT,
        // Reads from the disk, and is true whatever is there: ASK { OPTIONAL { ?s ?p ?o } }
        healthPath: '/query?query=ASK%20%7B%20OPTIONAL%20%7B%20%3Fs%20%3Fp%20%3Fo%20%7D%20%7D',
        tlsSecret,
      },
      services: { [name]: PORT, [readOnly]: READ_ONLY_PORT },
      port: PORT,
    }),
    rotation: args.rotation,
    endpoints: {
      protocol: tlsSecret ? 'https' : 'http',
      host: host(name),
      readOnlyHost: host(readOnly),
      port: PORT,
    } as const,
  };
}

function readOnlyService(name: string): string {
  return `${name}-readonly-endpoint`;
}

/** The certificate that the proxy serves. */
export function oxigraphCertificate(input: OxigraphArgs): CertificateRequest {
  const args = resolveOxigraphArgs(input);
  return proxiedStoreCertificate(args, [args.name, readOnlyService(args.name)]);
}

/** Connections to the proxy; the server itself listens inside of the pod only, and needs nothing outside of it. */
export function oxigraphFlows(input: OxigraphArgs): PodFlows[] {
  const { name } = resolveOxigraphArgs(input);
  const pods = { matchLabels: selectorLabels({ name }) };
  return [{ name, pods, clients: [PORT, READ_ONLY_PORT], dns: false }];
}

const query = { methods: ['GET', 'POST'], path: '/query' };
const graphStore = { methods: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'], path: '/store' };
const readingRules: ProxyRule[] = [
  { ...query, roles: ['owner', 'app', 'readonly', 'backup'] },
  { ...graphStore, roles: ['backup'], methods: ['GET', 'HEAD'] },
];
/** Colons may be sent escaped or not. */
const PROJECT_GRAPH = ['urn', 'agent-data-platform', 'project', '[A-Za-z0-9_-]+'].join('(:|%3A|%3a)');

/** Oxigraph serves no other paths that are needed; a graph's name is in the query string of the Graph Store protocol. */
function writingRules({ applicationAccess }: ResolvedOxigraphArgs): ProxyRule[] {
  const writers = applicationAccess === 'update' ? ['owner', 'app'] : ['owner'];
  const rules: ProxyRule[] = [
    { ...query, roles: ['owner', 'app'] },
    { roles: writers, methods: ['POST'], path: '/update' },
    { ...graphStore, roles: writers },
  ];
  if (applicationAccess === 'update') return rules;
  return [
    ...rules,
    { ...graphStore, roles: ['app'], path: `/store\\?graph=${PROJECT_GRAPH}`, wholeTarget: true },
  ];
}
