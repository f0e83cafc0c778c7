import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { KubernetesCluster, KubernetesObject, Tunnel } from '../../migrations/kubernetes/cluster';
import { http, HttpError, type HttpRequest } from '../../migrations/targets/http-client';
import { eventually } from '../../migrations/testing/servers';
import { testCertificate } from '../../migrations/testing/tls';
import { authProxyUsers, credentialsKeys, type ProxyLogin } from '../auth-proxy';
import type { CertificateRequest } from '../certificates/request';
import { checksum } from '../metadata';
import { awaitUsers } from '../proxied-store-users-provider';
import type { ProxiedStoreSpec } from '../proxied-store-spec';

const manager = { fieldManager: 'component-test', force: true };

/** Applies a proxied store in a namespace of its own, with users and a certificate. */
export async function applyProxiedStore(
  cluster: KubernetesCluster,
  spec: ProxiedStoreSpec,
  logins: readonly ProxyLogin[],
  certificate: CertificateRequest,
): Promise<void> {
  const { namespace } = spec.statefulSet.metadata;
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apply(cluster, 'v1', 'Namespace', { metadata: { name: namespace, labels: restricted } });
  await applyCertificate(cluster, namespace, certificate);
  await apply(cluster, 'v1', 'Secret', credentialsSecret(spec, logins));
  await apply(cluster, 'v1', 'ServiceAccount', spec.serviceAccount);
  await apply(cluster, 'v1', 'ConfigMap', spec.configMap);
  for (const service of [spec.services.nodes, ...spec.services.clients])
    await apply(cluster, 'v1', 'Service', service);
  await apply(cluster, 'networking.k8s.io/v1', 'NetworkPolicy', spec.networkPolicy);
  await apply(cluster, 'apps/v1', 'StatefulSet', spec.statefulSet);
}

/** Puts a new certificate into its Secret. */
export async function applyCertificate(
  cluster: KubernetesCluster,
  namespace: string,
  { secret, dnsNames }: CertificateRequest,
): Promise<void> {
  await apply(cluster, 'v1', 'Secret', {
    metadata: { name: secret, namespace },
    type: 'kubernetes.io/tls',
    stringData: await testCertificate(dnsNames),
  });
}

/** Replaces the users as the component does, and waits until the proxy takes them. */
export async function replaceLogins(
  cluster: KubernetesCluster,
  spec: ProxiedStoreSpec,
  logins: readonly ProxyLogin[],
): Promise<void> {
  await apply(cluster, 'v1', 'Secret', credentialsSecret(spec, logins));
  const { name, namespace } = spec.statefulSet.metadata;
  await awaitUsers({
    namespace,
    pod: `${name}-0`,
    port: spec.healthPort,
    tlsSecret: spec.tlsSecret,
    serverName: name,
    checksum: checksum(authProxyUsers(logins)),
  });
}

function credentialsSecret({ credentials }: ProxiedStoreSpec, logins: readonly ProxyLogin[]) {
  const users = authProxyUsers(logins);
  const stringData = { [credentialsKeys.users]: users, [credentialsKeys.checksum]: checksum(users) };
  return { ...credentials, stringData };
}

async function apply(
  cluster: KubernetesCluster,
  apiVersion: string,
  kind: string,
  rest: object,
): Promise<void> {
  await cluster.apply({ apiVersion, kind, ...rest } as KubernetesObject, manager);
}

/** Whether the store's only pod is ready, and not the one with the given uid. */
export async function podReady(
  cluster: KubernetesCluster,
  spec: ProxiedStoreSpec,
  notUid?: string,
): Promise<boolean> {
  const { name, namespace } = spec.statefulSet.metadata;
  const pod = await cluster.read('v1', 'Pod', namespace, `${name}-0`);
  const conditions: { type: string; status: string }[] = pod?.status?.conditions ?? [];
  return (
    pod?.metadata.uid !== notUid &&
    conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True')
  );
}

/** Sends a request through a tunnel over TLS: `ok`, or the status or code of the refusal. */
export async function outcome(
  tunnel: Tunnel,
  { path, ...rest }: Omit<HttpRequest, 'url'> & { readonly path: string },
): Promise<unknown> {
  const url = `https://${tunnel.host}:${tunnel.port}${path}`;
  return http({ ...rest, url }).then(
    () => 'ok',
    (error: HttpError) => error.status ?? error.code,
  );
}

/** What the proxy asks for where a request has no credentials, and the certificate that it shows. */
export async function challenge(tunnel: Tunnel, ca: string, servername: string, version?: 'TLSv1.1') {
  const { host, port } = tunnel;
  // At its usual level OpenSSL does not even offer old versions.
  const versions = version && { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
  const asked = request({ host, port, path: '/query', ca, servername, agent: false, ...versions });
  const [answer] = (await once(asked.end(), 'response')) as [IncomingMessage];
  const { fingerprint256 } = (answer.socket as import('node:tls').TLSSocket).getPeerCertificate();
  answer.resume();
  return {
    status: answer.statusCode,
    asksFor: answer.headers['www-authenticate'],
    fingerprint: fingerprint256,
  };
}

/** Lines that the proxy's container has written, as JSON. */
export async function accessLog(cluster: KubernetesCluster, spec: ProxiedStoreSpec): Promise<string[]> {
  const { name, namespace } = spec.statefulSet.metadata;
  const path = await cluster.path('v1', 'Pod', namespace, `${name}-0`);
  const text = await cluster.request<string>('GET', `${path}/log`, { query: { container: 'auth-proxy' } });
  return text.trim().split('\n');
}

/** Deletes the pod with its whole grace period; resolves with the seconds until another one is there. */
export async function secondsToStop(cluster: KubernetesCluster, spec: ProxiedStoreSpec): Promise<number> {
  const { name, namespace } = spec.statefulSet.metadata;
  const uid = async () => (await cluster.read('v1', 'Pod', namespace, `${name}-0`))?.metadata.uid as string;
  const before = await uid();
  const started = performance.now();
  await cluster.delete('v1', 'Pod', namespace, `${name}-0`);
  await eventually('the pod is gone', 70_000, async () => (await uid()) !== before);
  return (performance.now() - started) / 1000;
}

/** Repeats a request until it is stopped, and counts what came of it. */
export function repeatedly(send: () => Promise<unknown>) {
  const outcomes = new Map<unknown, number>();
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      const seen = await send();
      outcomes.set(seen, (outcomes.get(seen) ?? 0) + 1);
    }
  })();
  return {
    count: (outcome: unknown) => outcomes.get(outcome) ?? 0,
    async stop() {
      stopped = true;
      await loop;
      return [...outcomes.keys()];
    },
  };
}
