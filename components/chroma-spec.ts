import type { ProxyRule } from './auth-proxy';
import type { CertificateRequest } from './certificates/request';
import { type ChromaArgs, resolveChromaArgs } from './chroma-args';
import { selectorLabels } from './metadata';
import type { PodFlows } from './network-flows';
import { proxiedStoreCertificate, proxiedStoreSpec } from './proxied-store-spec';

const PORT = 8000;
const SERVER_PORT = 8001;
const HEALTH_PORT = 8002;

/**
 * `owner` applies changes, `app` is for applications, `readonly` reads in the default database, `backup` reads everywhere, and
 * `monitor` learns whether the store is well.
 */
export const chromaRoles = ['owner', 'app', 'readonly', 'backup', 'monitor'] as const;

/** @see https://docs.trychroma.com/reference/server-env-vars */
const configuration = `port: ${SERVER_PORT}
listen_address: "127.0.0.1"
persist_path: "/data"
allow_reset: false
`;

const DATABASE = '/api/v2/tenants/default_tenant/databases/default_database';
const PROJECT_COLLECTION = 'project_[A-Za-z0-9-]+_(documents|knowledge|agents)';

const COLLECTION = 'collections/[a-f0-9-]{36}';
const readers = ['app', 'readonly'];

/**
 * The application's token works in the default database: on records everywhere, on collections only of projects.
 * Everything else, such as the history's database, is the owner's.
 */
const rules: ProxyRule[] = [
  { roles: ['owner'], methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], path: '/api/v2/[^?]*' },
  {
    roles: readers,
    methods: ['GET'],
    path: '/api/v2/(heartbeat|healthcheck|version|pre-flight-checks|auth/identity)',
  },
  { roles: readers, methods: ['GET'], path: '/api/v2/tenants/default_tenant' },
  {
    roles: readers,
    methods: ['GET'],
    path: `${DATABASE}(/collections_count|/collections(/[A-Za-z0-9._-]+(/count)?)?)?`,
  },
  { roles: readers, methods: ['POST'], path: `${DATABASE}/${COLLECTION}/(get|query|search)` },
  { roles: ['app'], methods: ['POST'], path: `${DATABASE}/collections` },
  { roles: ['app'], methods: ['DELETE'], path: `${DATABASE}/collections/${PROJECT_COLLECTION}` },
  { roles: ['app'], methods: ['POST'], path: `${DATABASE}/${COLLECTION}/(add|update|upsert|delete)` },
  { roles: ['backup'], methods: ['GET'], path: '/api/v2/[^?]*' },
  {
    roles: ['backup'],
    methods: ['POST'],
    path: `/api/v2/tenants/[A-Za-z0-9._-]+/databases/[A-Za-z0-9._-]+/${COLLECTION}/get`,
  },
];

/** Object specifications of the Chroma component; the component adds what is secret. */
export type ChromaSpec = ReturnType<typeof chromaSpec>;

/**
 * Pure specification of everything the Chroma component declares.
 * @throws Error listing every problem in the arguments.
 */
export function chromaSpec(input: ChromaArgs) {
  const args = resolveChromaArgs(input);
  const { name, namespace, image, proxyImage, storage, resources, tlsSecret, priorityClass } = args;
  return {
    ...proxiedStoreSpec({
      name,
      namespace,
      image,
      proxyImage,
      storage,
      resources,
      priorityClass,
      serverArgs: ['run', '/etc/store/chroma.yaml'],
      files: { 'chroma.yaml': configuration },
      dataPath: '/data',
      proxy: {
        realm: 'Chroma',
        scheme: 'bearer',
        roles: chromaRoles,
        listeners: [{ port: PORT, rules }],
        healthPort: HEALTH_PORT,
        upstreamPort: SERVER_PORT,
        healthPath: '/api/v2/heartbeat',
        tlsSecret,
      },
      services: { [name]: PORT },
      port: PORT,
    }),
    rotation: args.rotation,
    endpoints: {
      protocol: tlsSecret ? 'https' : 'http',
      host: `${name}.${namespace}.svc`,
      port: PORT,
    } as const,
  };
}

/** The certificate that the proxy serves. */
export function chromaCertificate(input: ChromaArgs): CertificateRequest {
  const args = resolveChromaArgs(input);
  return proxiedStoreCertificate(args, [args.name]);
}

/** Connections to the proxy; the server itself listens inside of the pod only, and needs nothing outside of it. */
export function chromaFlows(input: ChromaArgs): PodFlows[] {
  const { name } = resolveChromaArgs(input);
  return [{ name, pods: { matchLabels: selectorLabels({ name }) }, clients: [PORT], dns: false }];
}
