import type { ProxyRule } from './auth-proxy';
import { type ChromaArgs, resolveChromaArgs } from './chroma-args';
import { selectorLabels } from './metadata';
import type { PodFlows } from './network-flows';
import { proxiedStoreSpec } from './proxied-store-spec';

const PORT = 8000;
const SERVER_PORT = 8001;
const HEALTH_PORT = 8002;

/** `owner` applies changes, `app` is for applications. */
export const chromaRoles = ['owner', 'app'] as const;

/** @see https://docs.trychroma.com/reference/server-env-vars */
const configuration = `port: ${SERVER_PORT}
listen_address: "127.0.0.1"
persist_path: "/data"
allow_reset: false
`;

const DATABASE = '/api/v2/tenants/default_tenant/databases/default_database';
const PROJECT_COLLECTION = 'project_[A-Za-z0-9-]+_(documents|knowledge|agents)';

/**
 * The application's token works in the default database: on records everywhere, on collections only of projects.
 * Everything else, such as the history's database, is the owner's.
 */
const rules: ProxyRule[] = [
  { roles: ['owner'], methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], path: '/api/v2/[^?]*' },
  {
    roles: ['app'],
    methods: ['GET'],
    path: '/api/v2/(heartbeat|healthcheck|version|pre-flight-checks|auth/identity)',
  },
  { roles: ['app'], methods: ['GET'], path: '/api/v2/tenants/default_tenant' },
  {
    roles: ['app'],
    methods: ['GET'],
    path: `${DATABASE}(/collections_count|/collections/[A-Za-z0-9._-]+(/count)?)?`,
  },
  { roles: ['app'], methods: ['GET', 'POST'], path: `${DATABASE}/collections` },
  { roles: ['app'], methods: ['DELETE'], path: `${DATABASE}/collections/${PROJECT_COLLECTION}` },
  {
    roles: ['app'],
    methods: ['POST'],
    path: `${DATABASE}/collections/[a-f0-9-]{36}/(add|update|upsert|get|query|search|delete)`,
  },
];

/** Object specifications of the Chroma component; the component adds what is secret. */
export type ChromaSpec = ReturnType<typeof chromaSpec>;

/**
 * Pure specification of everything the Chroma component declares.
 * @throws Error listing every problem in the arguments.
 */
export function chromaSpec(input: ChromaArgs) {
  const { name, namespace, image, proxyImage, storage, resources } = resolveChromaArgs(input);
  return {
    ...proxiedStoreSpec({
      name,
      namespace,
      image,
      proxyImage,
      storage,
      resources,
      serverArgs: ['run', '/etc/store/chroma.yaml'],
      files: { 'chroma.yaml': configuration },
      dataPath: '/data',
      proxy: {
        realm: 'Chroma',
        scheme: 'bearer',
        listeners: [{ port: PORT, rules }],
        healthPort: HEALTH_PORT,
        upstreamPort: SERVER_PORT,
        healthPath: '/api/v2/heartbeat',
      },
      roles: chromaRoles,
      services: { [name]: PORT },
      port: PORT,
    }),
    endpoints: { host: `${name}.${namespace}.svc`, port: PORT },
  };
}

/** Connections to the proxy; the server itself listens inside of the pod only, and needs nothing outside of it. */
export function chromaFlows(input: ChromaArgs): PodFlows[] {
  const { name } = resolveChromaArgs(input);
  return [{ name, pods: { matchLabels: selectorLabels({ name }) }, clients: [PORT], dns: false }];
}
