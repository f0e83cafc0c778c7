import { resource, statefulSet } from './fixtures';
import { storeTls } from './tls';

const elasticsearch = (spec: object) =>
  storeTls.check(resource('elasticsearch.k8s.elastic.co/v1:Elasticsearch', 'search', { spec }));
const qdrant = (settings: string) => {
  const text = `storage:\n  hnsw_index:\n    m: 16\n${settings}`;
  return storeTls.check(resource('core/v1:ConfigMap', 'qdrant', { data: { 'production.yaml': text } }));
};

test('Elasticsearch has TLS unless it is switched off', () => {
  expect(elasticsearch({})).toEqual([]);
  expect(elasticsearch({ http: { tls: { certificate: { secretName: 'own' } } } })).toEqual([]);
  expect(elasticsearch({ http: { tls: { selfSignedCertificate: { disabled: true } } } })).toEqual([
    'Elasticsearch/data/search switches TLS off; remove selfSignedCertificate.disabled.',
  ]);
});

test('Qdrant has TLS only when it is switched on, for clients and not merely between peers', () => {
  expect(qdrant('service:\n  enable_cors: false\n  enable_tls: true\n')).toEqual([]);
  for (const settings of [
    'service:\n  enable_cors: false\n  enable_tls: false\n',
    'service:\n  enable_cors: false\ncluster:\n  p2p:\n    enable_tls: true\n',
    '',
  ])
    expect(qdrant(settings)).toEqual([
      'ConfigMap/data/qdrant serves Qdrant without TLS; set service.enable_tls: true with a certificate.',
    ]);
});

test.each([
  ['port 0\ntls-port 6379\n', []],
  ['port 6379\ntls-port 6380\n', ['takes plain text in redis.conf; set port 0 and a tls-port.']],
  ['port 0\n', ['takes plain text in redis.conf; set port 0 and a tls-port.']],
  ['port 0\ntls-port 0\n', ['takes plain text in redis.conf; set port 0 and a tls-port.']],
])('Redis has no plain port: %j', (text, faults) => {
  const config = resource('core/v1:ConfigMap', 'redis', { data: { 'redis.conf': text } });
  expect(storeTls.check(config)).toEqual(faults.map((fault) => `ConfigMap/data/redis ${fault}`));
});

test.each([
  [['127.0.0.1:8080', '7878 ssl'], 'auth_basic "x";', 0],
  [['127.0.0.1:8080', '7878 ssl', '7881'], 'auth_basic "x";', 1],
  [['7881'], '', 0],
])('a proxy that asks for logins listens %j', (listens, login, faults) => {
  const text = [...listens.map((listen) => `  listen ${listen};`), `  ${login}`].join('\n');
  const config = resource('core/v1:ConfigMap', 'chroma', { data: { 'nginx.conf': text } });
  expect(storeTls.check(config)).toHaveLength(faults);
});

test('MinIO has a certificate', () => {
  const container = { env: [{ name: 'MINIO_ROOT_USER', value: 'root' }] };
  const certificate = (path: string) => [{ name: 'c', secret: { items: [{ key: 'tls.crt', path }] } }];
  expect(storeTls.check(statefulSet({ container, pod: { volumes: certificate('public.crt') } }))).toEqual([]);
  expect(storeTls.check(statefulSet({ container, pod: { volumes: certificate('other') } }))).toEqual([
    'StatefulSet/data/redis serves MinIO without TLS; mount a certificate as public.crt and private.key in its certs-dir.',
  ]);
});

test('Neo4j takes no Bolt without TLS', () => {
  const level = (value: string) =>
    storeTls.check(statefulSet({ container: { env: [{ name: 'NEO4J_server_bolt_tls__level', value }] } }));
  expect(level('REQUIRED')).toEqual([]);
  expect(level('OPTIONAL')).toEqual([
    'StatefulSet/data/redis takes Bolt without TLS; set NEO4J_server_bolt_tls__level to REQUIRED.',
  ]);
  expect(
    storeTls.check(statefulSet({ container: { env: [{ name: 'NEO4J_AUTH', value: 'x' }] } })),
  ).toHaveLength(1);
});

test('settings of something else are none of its business', () => {
  expect(storeTls.check(statefulSet({}))).toEqual([]);
  expect(storeTls.check(resource('core/v1:ConfigMap', 'x', { data: { 'production.yaml': 'a: 1' } }))).toEqual(
    [],
  );
});
