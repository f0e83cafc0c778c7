/** Empty servers beside a drill, in its own pod: reached on loopback only, and gone with it. */
import type { DrilledStore } from '../ops/stores';
import { mebibytes, neo4jMemory } from './neo4j-memory';
import type { PodResources } from './pod-args';

/** How the empty server of one store is run. Its administrator's password is in $PASSWORD; it may write to /data and /tmp. */
export interface ScratchServer {
  readonly uid: number;
  readonly port: number;
  /** Its administrator. */
  readonly username: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  /** Variables besides PASSWORD. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another variable that has the password, where no shell can set it. */
  readonly passwordVariable?: string;
  readonly resources: PodResources;
}

const LOOPBACK = '127.0.0.1';
const ES_HOME = '/usr/share/elasticsearch';

/** Room for the copies of small stores; a store's own resources can be named instead. */
const defaults: Readonly<Record<DrilledStore, PodResources>> = {
  postgres: resources('250m', '1Gi'),
  redis: resources('50m', '512Mi'),
  minio: resources('100m', '1Gi'),
  neo4j: resources('100m', '1536Mi'),
  oxigraph: resources('50m', '1Gi'),
  elasticsearch: resources('250m', '2Gi'),
  qdrant: resources('100m', '1Gi'),
  chroma: resources('50m', '1Gi'),
};

const servers: Readonly<Record<DrilledStore, (memoryMiB: number) => Omit<ScratchServer, 'resources'>>> = {
  postgres: () => ({
    ...{ uid: 26, port: 5432, username: 'postgres' },
    command: shell(
      'umask 077; printf %s "$PASSWORD" > /data/password',
      'initdb -D /data/pg -U postgres -A scram-sha-256 --pwfile=/data/password --locale=C.UTF-8 -E UTF8',
      // What is lost in a crash, the next drill restores; pgaudit is an extension of the platform's.
      `exec postgres -D /data/pg -c listen_addresses=${LOOPBACK} -c unix_socket_directories=/data -c fsync=off -c full_page_writes=off -c shared_preload_libraries=pgaudit`,
    ),
  }),
  redis: () => ({
    ...{ uid: 999, port: 6379, username: 'admin' },
    command: shell(
      'umask 077',
      `printf 'user default off\\nuser admin on >%s ~* &* +@all\\n' "$PASSWORD" > /data/users.acl`,
      `exec redis-server --bind ${LOOPBACK} --dir /data --aclfile /data/users.acl --appendonly no --save ''`,
    ),
  }),
  minio: () => ({
    ...{ uid: 1000, port: 9000, username: 'drill' },
    // The image has no shell.
    command: ['/usr/bin/minio', 'server', '--address', `${LOOPBACK}:9000`, '/data/minio'],
    env: { MINIO_ROOT_USER: 'drill', MINIO_BROWSER: 'off' },
    passwordVariable: 'MINIO_ROOT_PASSWORD',
  }),
  neo4j: (limit) => ({
    ...{ uid: 7474, port: 7687, username: 'neo4j' },
    command: shell(...neo4jSteps),
    env: {
      NEO4J_HOME: '/data/home',
      JAVA_TOOL_OPTIONS: '-Djava.io.tmpdir=/data',
      NEO4J_server_memory_heap_initial__size: `${neo4jMemory(limit).heapMiB}m`,
      NEO4J_server_memory_heap_max__size: `${neo4jMemory(limit).heapMiB}m`,
      NEO4J_server_memory_pagecache_size: `${neo4jMemory(limit).pageCacheMiB}m`,
      NEO4J_server_default__listen__address: LOOPBACK,
      NEO4J_server_directories_logs: '/data/logs',
      NEO4J_dbms_usage__report_enabled: 'false',
    },
  }),
  oxigraph: () => ({
    ...{ uid: 65534, port: 7878, username: 'drill' },
    args: ['serve', '--location', '/data/store', '--bind', `${LOOPBACK}:7878`],
  }),
  elasticsearch: () => ({
    ...{ uid: 1000, port: 9200, username: 'elastic' },
    command: shell(...elasticsearchSteps),
  }),
  qdrant: () => ({
    ...{ uid: 1000, port: 6333, username: 'drill' },
    command: shell(
      'export QDRANT__SERVICE__API_KEY="$PASSWORD" QDRANT__SERVICE__READ_ONLY_API_KEY="$PASSWORD-read"',
      'cd /qdrant',
      'exec ./entrypoint.sh',
    ),
    env: {
      QDRANT__SERVICE__HOST: LOOPBACK,
      QDRANT__STORAGE__STORAGE_PATH: '/data/storage',
      QDRANT__STORAGE__SNAPSHOTS_PATH: '/data/snapshots',
      QDRANT_INIT_FILE_PATH: '/data/initialized',
    },
  }),
  chroma: () => ({
    ...{ uid: 65534, port: 8000, username: 'drill' },
    args: ['run', '--path', '/data/store', '--host', LOOPBACK, '--port', '8000'],
    // SQLite needs a folder for temporary files.
    env: { TMPDIR: '/data' },
  }),
};

/** How a store's empty server is run. @param own Resources; default enough for the copy of a small store. */
export function scratchServer(store: DrilledStore, own?: PodResources): ScratchServer {
  const chosen = own ?? defaults[store];
  return { ...servers[store](mebibytes(chosen.limits.memory)), resources: chosen };
}

/** The root file system is read-only: everything that the server writes goes below /data. */
const neo4jSteps = [
  'export NEO4J_AUTH="neo4j/$PASSWORD"',
  'mkdir -p /data/home/run /data/logs',
  'cp -R /var/lib/neo4j/conf /data/home && ln -sfn /var/lib/neo4j/lib /data/home/lib',
  'exec /startup/docker-entrypoint.sh neo4j',
];

const elasticsearchSettings = {
  'discovery.type': 'single-node',
  'node.store.allow_mmap': false,
  // How full the node's disk is otherwise is none of its business.
  'cluster.routing.allocation.disk.threshold_enabled': false,
  'path.data': '/data/elasticsearch',
  'path.logs': '/data/logs',
  'network.host': LOOPBACK,
  'xpack.security.enabled': true,
  'xpack.security.autoconfiguration.enabled': false,
};

const elasticsearchSteps = [
  'export ES_PATH_CONF=/data/config ES_TMPDIR=/tmp',
  `mkdir -p /data/logs /data/config && cp -R ${ES_HOME}/config/. /data/config && cd /data`,
  `{ [ -e /data/config/elasticsearch.keystore ] || ${ES_HOME}/bin/elasticsearch-keystore create; }`,
  `printf %s "$PASSWORD" | ${ES_HOME}/bin/elasticsearch-keystore add --stdin --force bootstrap.password`,
  `exec ${ES_HOME}/bin/elasticsearch ${Object.entries(elasticsearchSettings)
    .map(([name, value]) => `-E${name}=${String(value)}`)
    .join(' ')}`,
];

function shell(...steps: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', steps.join(' && ')];
}

function resources(cpu: string, memory: string): PodResources {
  return { requests: { cpu, memory }, limits: { memory } };
}
