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

test('settings of something else are none of its business', () => {
  expect(storeTls.check(statefulSet({}))).toEqual([]);
  expect(storeTls.check(resource('core/v1:ConfigMap', 'x', { data: { 'production.yaml': 'a: 1' } }))).toEqual(
    [],
  );
});
