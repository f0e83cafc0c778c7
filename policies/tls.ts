import type { V1StatefulSetSpec } from '@kubernetes/client-node';
import { kindOf, objectName, Resource, ResourceRule } from './rule';
import { isElasticsearch } from './stores';

/** A store whose own settings decide about TLS has it on; PostgreSQL has a rule of its own. */
export const storeTls: ResourceRule = {
  name: 'store-tls',
  description: 'Every store serves TLS and nothing else: none takes plain text beside it.',
  url: 'https://cheatsheetseries.owasp.org/cheatsheets/Transport_Layer_Security_Cheat_Sheet.html',
  severity: 'high',
  check(resource) {
    const where = objectName(resource);
    const fault = isElasticsearch(resource)
      ? elasticsearchFault(resource)
      : (settingsFault(resource) ?? serverFault(resource));
    return fault ? [`${where} ${fault}`] : [];
  },
};

function elasticsearchFault({ props }: Resource): string | undefined {
  const spec = props.spec as
    { http?: { tls?: { selfSignedCertificate?: { disabled?: boolean } } } } | undefined;
  const disabled = spec?.http?.tls?.selfSignedCertificate?.disabled === true;
  return disabled ? 'switches TLS off; remove selfSignedCertificate.disabled.' : undefined;
}

/** Settings files of servers, by the name and a mark that no other file has. */
const settingsFiles: readonly {
  file: string;
  mark: RegExp;
  tls: (text: string) => boolean;
  fault: string;
}[] = [
  {
    file: 'production.yaml',
    mark: /hnsw_index/,
    tls: (text) => /^service:\n(?:[ ]+.*\n)*?[ ]+enable_tls: true$/m.test(text),
    fault: 'serves Qdrant without TLS; set service.enable_tls: true with a certificate.',
  },
  ...['redis.conf', 'sentinel.conf'].map((file) => ({
    file,
    mark: /^port /m,
    tls: (text: string) => /^port 0$/m.test(text) && /^tls-port [1-9]\d*$/m.test(text),
    fault: `takes plain text in ${file}; set port 0 and a tls-port.`,
  })),
  {
    file: 'nginx.conf',
    mark: /^\s*auth_basic /m,
    tls: (text) => [...text.matchAll(/^\s*listen (.*);$/gm)].every(([, how]) => isOwnOrTls(how!)),
    fault: 'has a port with a login and without TLS; add ssl to each listen but those on 127.0.0.1.',
  },
];

function isOwnOrTls(listen: string): boolean {
  return listen.startsWith('127.0.0.1:') || listen.split(' ').includes('ssl');
}

function settingsFault({ type, props }: Resource): string | undefined {
  if (kindOf(type) !== 'ConfigMap') return undefined;
  const data = (props.data ?? {}) as Record<string, string>;
  return settingsFiles.find(({ file, mark, tls }) => {
    const text = data[file];
    return text !== undefined && mark.test(text) && !tls(text);
  })?.fault;
}

/** Servers that are told by arguments and variables, known by a variable that no other has. */
function serverFault({ type, props }: Resource): string | undefined {
  if (kindOf(type) !== 'StatefulSet') return undefined;
  const { containers = [], volumes = [] } =
    (props.spec as Partial<V1StatefulSetSpec> | undefined)?.template?.spec ?? {};
  const variables = new Map(
    containers.flatMap(({ env = [] }) => env).map(({ name, value }) => [name, value ?? '']),
  );
  const certificate = volumes.some(({ secret }) => secret?.items?.some(({ path }) => path === 'public.crt'));
  if (variables.has('MINIO_ROOT_USER') && !certificate)
    return 'serves MinIO without TLS; mount a certificate as public.crt and private.key in its certs-dir.';
  const isNeo4j = [...variables.keys()].some((name) => name.startsWith('NEO4J_'));
  if (isNeo4j && variables.get('NEO4J_server_bolt_tls__level') !== 'REQUIRED')
    return 'takes Bolt without TLS; set NEO4J_server_bolt_tls__level to REQUIRED.';
  return undefined;
}
