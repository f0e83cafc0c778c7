/** Scratch servers for the integration tests: pods in a namespace of their own in the local cluster. */
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { containerSecurityContext, podSecurityContext } from '../../components/metadata';
import { images } from '../../components/versions';
import { KubernetesCluster, type KubernetesObject } from '../kubernetes/cluster';
import { testCertificate } from './tls';

/** A running scratch server, reached through the API server's port-forward. */
export interface ScratchServer {
  readonly cluster: KubernetesCluster;
  /** Also holds a Service and a Secret of the given name. */
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Port inside the cluster. */
  readonly servicePort: number;
  /** Address inside the cluster, which the one-node cluster's machine reaches too. */
  readonly podIp: string;
  readonly user: string;
  readonly password: string;
  /** PEM of the authority of its certificate, also in the namespace's Secret `platform-ca`; undefined without TLS. */
  readonly ca?: string;
  stop(): Promise<void>;
}

/** How to start one kind of server. */
export interface ServerRecipe {
  readonly name: string;
  readonly image: string;
  readonly uid: number;
  readonly port: number;
  readonly user: string;
  /** Shell script, or a command; finds the password in $PASSWORD and may write to /data and /tmp. */
  readonly script?: string;
  readonly command?: readonly string[];
  /** Variables besides PASSWORD; `$(PASSWORD)` in a value stands for it. */
  readonly env?: Readonly<Record<string, string>>;
  readonly readinessProbe: object;
  /** How long it may take to become ready; default 120000. */
  readonly readyWithinMs?: number;
  /** Memory limit of the pod, a Kubernetes quantity; default none. */
  readonly memory?: string;
  /** Files under /tls, by path, of a certificate for `dnsNames`; default no TLS. */
  readonly tls?: Readonly<Record<string, 'tls.crt' | 'tls.key' | 'ca.crt'>>;
  /** Whether it may not reach anything, not even a DNS server; default false. */
  readonly isolated?: boolean;
  /** Default the server's name. */
  readonly dnsNames?: readonly string[];
  secret(user: string, password: string): Record<string, string>;
}

const READY_WITHIN_MS = 120_000;
const FIELD_MANAGER = 'migrations-test';

/**
 * Starts an empty PostgreSQL whose superuser is `postgres`.
 * @param settings Arguments of `postgres`; default fast and not durable.
 * @param namespace See {@link startServer}.
 */
export function startPostgres(
  settings = '-c fsync=off',
  namespace?: string,
  { tls = false } = {},
): Promise<ScratchServer> {
  const encryption = tls ? '-c ssl=on -c ssl_cert_file=/tls/tls.crt -c ssl_key_file=/tls/tls.key' : '';
  const recipe: ServerRecipe = {
    name: 'postgres',
    image: images.postgres,
    uid: 26,
    port: 5432,
    user: 'postgres',
    script: [
      'umask 077; printf %s "$PASSWORD" > /data/password',
      // A container that starts again finds its data.
      '[ -e /data/pg ] || initdb -D /data/pg -U postgres -A scram-sha-256 --pwfile=/data/password --locale=C.UTF-8 -E UTF8',
      "echo 'host all all all scram-sha-256' >> /data/pg/pg_hba.conf",
      `exec postgres -D /data/pg -c listen_addresses='*' -c unix_socket_directories=/data ${encryption} ${settings}`,
    ].join(' && '),
    readinessProbe: { exec: { command: ['pg_isready', '-h', '127.0.0.1'] }, periodSeconds: 1 },
    secret: (username, password) => ({ username, password }),
    ...(tls ? { tls: { 'tls.crt': 'tls.crt', 'tls.key': 'tls.key' } } : {}),
  };
  return startServer(recipe, namespace);
}

/** Starts an empty MinIO. @param namespace See {@link startServer}. */
export function startMinio(
  namespace?: string,
  { tls = false, dnsNames }: { tls?: boolean; dnsNames?: readonly string[] } = {},
): Promise<ScratchServer> {
  const scheme = tls ? 'HTTPS' : 'HTTP';
  const recipe: ServerRecipe = {
    name: 'minio',
    image: images.minio,
    uid: 1000,
    port: 9000,
    user: 'rootuser',
    // The image has no shell.
    command: ['/usr/bin/minio', 'server', ...(tls ? ['--certs-dir', '/tls'] : []), '/data/minio'],
    env: { MINIO_ROOT_USER: 'rootuser', MINIO_ROOT_PASSWORD: '$(PASSWORD)', MINIO_BROWSER: 'off' },
    readinessProbe: { httpGet: { path: '/minio/health/ready', port: 9000, scheme }, periodSeconds: 1 },
    secret: (accessKey, secretKey) => ({ accessKey, secretKey }),
    ...(tls ? { tls: { 'public.crt': 'tls.crt', 'private.key': 'tls.key' }, dnsNames } : {}),
  };
  return startServer(recipe, namespace);
}

/**
 * Starts a server and waits until it is ready.
 * @param namespace Made where it does not exist, and deleted with the server; default one of its own.
 */
export async function startServer(
  recipe: ServerRecipe,
  namespace = `test-${recipe.name}-${randomBytes(4).toString('hex')}`,
): Promise<ScratchServer> {
  const cluster = KubernetesCluster.load();
  const { name, port, user } = recipe;
  const password = randomBytes(12).toString('hex');
  const certificate = recipe.tls && (await testCertificate(recipe.dnsNames ?? [name]));
  const remove = () => cluster.delete('v1', 'Namespace', undefined, namespace);
  try {
    for (const object of objects(recipe, namespace, password, certificate)) {
      await cluster.apply(object, { fieldManager: FIELD_MANAGER });
    }
    await eventually(
      `pod ${namespace}/${name} is ready`,
      recipe.readyWithinMs ?? READY_WITHIN_MS,
      async () => {
        const pod = await cluster.read('v1', 'Pod', namespace, name);
        const conditions: { type: string; status: string }[] = pod?.status?.conditions ?? [];
        return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
      },
      () => podReport(cluster, namespace, name),
    );
    const tunnel = await cluster.forward(namespace, name, port);
    const stop = async () => {
      await tunnel.close();
      await remove();
    };
    const { host, port: localPort } = tunnel;
    const podIp: string = (await cluster.read('v1', 'Pod', namespace, name))?.status.podIP;
    const address = { host, port: localPort, servicePort: port, podIp };
    return { cluster, namespace, name, ...address, user, password, ca: certificate?.['ca.crt'], stop };
  } catch (error) {
    await remove().catch(() => undefined);
    throw error;
  }
}

type Certificate = Awaited<ReturnType<typeof testCertificate>>;

function objects(
  recipe: ServerRecipe,
  namespace: string,
  password: string,
  certificate: Certificate | undefined,
): KubernetesObject[] {
  const { name, port, uid, image, script, command = ['sh', '-c', script], env = {}, readinessProbe } = recipe;
  const metadata = { name, namespace, labels: { app: name } };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...tlsSecrets(recipe, namespace, certificate),
    ...(recipe.isolated ? [noWayOut(name, namespace)] : []),
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: recipe.secret(recipe.user, password) },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app: name }, ports: [{ name, port, targetPort: port }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: {
        automountServiceAccountToken: false,
        // Service variables such as NEO4J_PORT would be read as settings.
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 0,
        ...(recipe.isolated ? { dnsPolicy: 'None', dnsConfig: { nameservers: ['127.0.0.1'] } } : {}),
        // As process 1 of its own container, a server could not be killed from inside.
        shareProcessNamespace: true,
        securityContext: podSecurityContext(uid),
        containers: [
          {
            name,
            image,
            imagePullPolicy: 'IfNotPresent',
            command,
            env: Object.entries({ PASSWORD: password, ...env }).map(([name, value]) => ({ name, value })),
            ports: [{ containerPort: port }],
            readinessProbe,
            ...(recipe.memory ? { resources: { limits: { memory: recipe.memory } } } : {}),
            securityContext: containerSecurityContext(),
            volumeMounts: [
              { name: 'data', mountPath: '/data' },
              { name: 'tmp', mountPath: '/tmp' },
              ...(recipe.tls ? [{ name: 'tls', mountPath: '/tls', readOnly: true }] : []),
            ],
          },
        ],
        volumes: [
          { name: 'data', emptyDir: {} },
          { name: 'tmp', emptyDir: {} },
          ...(recipe.tls ? [tlsVolume(name, recipe.tls)] : []),
        ],
      },
    },
  ];
}

/** Where the cluster enforces it; without names a server finds little in the others, too. */
function noWayOut(name: string, namespace: string): KubernetesObject {
  return {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace } },
    spec: { podSelector: {}, policyTypes: ['Egress'], egress: [] },
  };
}

function tlsVolume(name: string, files: NonNullable<ServerRecipe['tls']>) {
  const items = Object.entries(files).map(([path, key]) => ({ key, path }));
  return { name: 'tls', secret: { secretName: `${name}-tls`, defaultMode: 0o440, items } };
}

/** The certificate of the pod, and the authority as clients read it. */
function tlsSecrets(
  { name }: ServerRecipe,
  namespace: string,
  certificate: Certificate | undefined,
): KubernetesObject[] {
  if (!certificate) return [];
  const secret = (name: string, stringData: object) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData,
  });
  return [secret(`${name}-tls`, certificate), secret('platform-ca', { 'ca.crt': certificate['ca.crt'] })];
}

/** Kills the server hard and waits until Kubernetes has started it again, with its data and at its address. */
export async function restartServer({ cluster, namespace, name }: ScratchServer): Promise<void> {
  const status = async (): Promise<{ ready: boolean; restartCount: number } | undefined> =>
    (await cluster.read('v1', 'Pod', namespace, name))?.status?.containerStatuses?.[0];
  const before = (await status())!.restartCount;
  const { Exec } = await import('@kubernetes/client-node/dist/exec.js');
  const command = ['sh', '-c', 'kill -9 -1'];
  await new Exec(cluster.config).exec(namespace, name, name, command, null, new PassThrough(), null, false);
  await eventually(
    `${namespace}/${name} has started again`,
    READY_WITHIN_MS,
    async () => {
      const now = await status();
      return now !== undefined && now.ready && now.restartCount > before;
    },
    () => podReport(cluster, namespace, name),
  );
}

/** What a pod's status, events and log say, for the message of a test that waited for it in vain. */
export async function podReport(
  cluster: KubernetesCluster,
  namespace: string,
  name: string,
): Promise<string> {
  const pod = await cluster.read('v1', 'Pod', namespace, name);
  const events = await cluster.list('v1', 'Event', namespace);
  const path = await cluster.path('v1', 'Pod', namespace, name);
  const log = cluster.request<string>('GET', `${path}/log`, { query: { tailLines: '20' } }).catch(String);
  return [
    JSON.stringify(pod?.status, undefined, 1),
    ...events.map((event) => `${event.reason}: ${event.message}`),
    await log,
  ].join('\n');
}

/**
 * Asks ten times a second until the answer is neither undefined nor false, and returns it; an error is an answer that is not there yet.
 * @param report What the failure's message is to say besides.
 * @throws Error naming what was waited for, and the last error, when the time is over.
 */
export async function eventually<T>(
  what: string,
  withinMs: number,
  ask: () => Promise<T | undefined | false>,
  report?: () => Promise<string>,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    await delay(100);
  } while (performance.now() < deadline);
  const more = [
    ...(last === undefined ? [] : [`Last error: ${String(last)}`]),
    await report?.().catch(String),
  ];
  throw new Error([`Not within ${withinMs} ms: ${what}.`, ...more].filter(Boolean).join('\n'));
}
