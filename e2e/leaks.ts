/** Looks for secrets where none may be. */
import type { KubernetesCluster, KubernetesObject } from '../migrations/kubernetes/cluster';

/** Keys of Secrets whose values are secret, as opposed to names and certificates. */
const SECRET_KEYS = /password|secretkey|apikey|token|^tls\.key$|^elastic$/i;

/** A text and where it comes from. */
export interface Place {
  readonly where: string;
  readonly text: string;
}

/** Every secret value in the Secrets of a namespace; of private keys, a line. */
export async function secretValues(cluster: KubernetesCluster, namespace: string): Promise<string[]> {
  const secrets = await cluster.list('v1', 'Secret', namespace);
  const values = secrets
    .flatMap(({ data = {} }) => Object.entries(data as Record<string, string>))
    .filter(([key]) => SECRET_KEYS.test(key))
    .map(([, value]) => Buffer.from(value, 'base64').toString())
    .map((value) => (value.startsWith('-----BEGIN') ? value.split('\n')[1]! : value));
  return [...new Set(values)].filter((value) => value.length >= 16);
}

/** Everything that pods of some namespaces have logged and is still kept. */
export async function podLogs(cluster: KubernetesCluster, namespaces: readonly string[]): Promise<Place[]> {
  const places: Place[] = [];
  for (const namespace of namespaces) {
    for (const pod of await cluster.list('v1', 'Pod', namespace)) {
      for (const container of containers(pod)) {
        const path = await cluster.path('v1', 'Pod', namespace, pod.metadata.name);
        const where = `log of ${namespace}/${pod.metadata.name} ${container}`;
        // A container that has not started yet has none.
        const log = cluster.request<unknown>('GET', `${path}/log`, { query: { container } }).catch(() => '');
        places.push({ where, text: asText(await log) });
      }
    }
  }
  return places;
}

/** Objects that anybody who may read the namespace sees: what pods are started with, and configuration files. */
export async function readableObjects(cluster: KubernetesCluster, namespace: string): Promise<Place[]> {
  const kinds = [
    ['v1', 'Pod'],
    ['v1', 'ConfigMap'],
    ['v1', 'Event'],
    ['apps/v1', 'StatefulSet'],
    ['apps/v1', 'Deployment'],
    ['batch/v1', 'Job'],
    ['postgresql.cnpg.io/v1', 'Cluster'],
    ['elasticsearch.k8s.elastic.co/v1', 'Elasticsearch'],
  ] as const;
  const lists = await Promise.all(
    kinds.map(async ([version, kind]) =>
      (await cluster.list(version, kind, namespace)).map((object) => ({
        where: `${kind} ${object.metadata.name}`,
        text: JSON.stringify(object),
      })),
    ),
  );
  return lists.flat();
}

/** Where any of the values stands in clear or in base64; without repeating the value. */
export function leaks(values: readonly string[], places: readonly Place[]): string[] {
  const forms = values.flatMap((value) => [value, Buffer.from(value).toString('base64')]);
  return places.filter(({ text }) => forms.some((form) => text.includes(form))).map(({ where }) => where);
}

function containers({ spec }: KubernetesObject): string[] {
  const { initContainers = [], containers } = spec as Record<string, { name: string }[]>;
  return [...initContainers!, ...containers!].map(({ name }) => name);
}

/** A log of one line of JSON is decoded by the client. */
function asText(log: unknown): string {
  return typeof log === 'string' ? log : JSON.stringify(log);
}
