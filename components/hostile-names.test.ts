/** Names that were written to do harm: no component takes one, so none reaches SQL, Cypher, an ACL, a script or a URL. */
import { resolveChromaArgs } from './chroma-args';
import { resolveElasticsearchArgs } from './elasticsearch-args';
import { resolveMinioArgs } from './minio-args';
import { resolveNeo4jArgs } from './neo4j-args';
import { resolveOxigraphArgs } from './oxigraph-args';
import { resolvePostgresArgs } from './postgres-args';
import { resolveQdrantArgs } from './qdrant-args';
import { resolveRedisArgs } from './redis-args';
import { resolveRedisClusterArgs } from './redis-cluster-args';

const hostile = [
  'x"; DROP ROLE app; --',
  "x'; DROP TABLE users; --",
  'x`) DETACH DELETE n //',
  'x$(reboot)',
  'x on nopass ~* +@all',
  '../../secrets',
  'x\nuser evil on nopass',
  'x{{.Values}}',
  'X',
  '',
  'x'.repeat(300),
];
const resources = { requests: { cpu: '1', memory: '4Gi' }, limits: { memory: '4Gi' } };
const common = { namespace: 'data', image: 'store:1.0', storage: { size: '1Gi' }, resources };
const redis = { ...common, maxMemory: 64, sentinelResources: resources };

/** Every argument that is a name, by component. */
const takers: Record<string, (name: string) => unknown> = {
  'postgres name': (name) => resolvePostgresArgs({ ...common, instances: 1, name }),
  'postgres database': (database) => resolvePostgresArgs({ ...common, instances: 1, database }),
  'postgres owner': (owner) => resolvePostgresArgs({ ...common, instances: 1, owner }),
  'postgres extensions': (extension) =>
    resolvePostgresArgs({ ...common, instances: 1, extensions: [extension] }),
  'redis name': (name) => resolveRedisArgs({ ...redis, name }),
  'redis applications': (user) => resolveRedisArgs({ ...redis, applications: { [user]: [] } }),
  'redis tlsSecret': (tlsSecret) => resolveRedisArgs({ ...redis, tlsSecret }),
  'redis clusterDomain': (clusterDomain) => resolveRedisArgs({ ...redis, clusterDomain }),
  'redis-cluster name': (name) => resolveRedisClusterArgs({ ...redis, name }),
  'minio name': (name) => resolveMinioArgs({ ...common, mode: 'single', name }),
  'minio appBuckets': (bucket) => resolveMinioArgs({ ...common, mode: 'single', appBuckets: [bucket] }),
  'minio tlsSecret': (tlsSecret) => resolveMinioArgs({ ...common, mode: 'single', tlsSecret }),
  'minio clusterDomain': (clusterDomain) => resolveMinioArgs({ ...common, mode: 'single', clusterDomain }),
  'neo4j name': (name) => resolveNeo4jArgs({ ...common, name }),
  'neo4j clusterDomain': (clusterDomain) => resolveNeo4jArgs({ ...common, clusterDomain }),
  'qdrant name': (name) => resolveQdrantArgs({ ...common, snapshots: { size: '1Gi' }, name }),
  'qdrant tlsSecret': (tlsSecret) => resolveQdrantArgs({ ...common, snapshots: { size: '1Gi' }, tlsSecret }),
  'qdrant appCollections': (collection) =>
    resolveQdrantArgs({ ...common, snapshots: { size: '1Gi' }, appCollections: [collection] }),
  'qdrant clusterDomain': (clusterDomain) =>
    resolveQdrantArgs({ ...common, snapshots: { size: '1Gi' }, clusterDomain }),
  'oxigraph name': (name) => resolveOxigraphArgs({ ...common, proxyImage: 'nginx:1.0', name }),
  'chroma name': (name) => resolveChromaArgs({ ...common, proxyImage: 'nginx:1.0', name }),
  'elasticsearch name': (name) =>
    resolveElasticsearchArgs({
      ...common,
      version: '9.2.0',
      nodeSets: [{ name: 'default', count: 1, storage: { size: '1Gi' }, resources }],
      name,
    }),
};

test.each(Object.entries(takers))('%s', (_what, take) => {
  expect(() => take('platform')).not.toThrow();
  const accepted = hostile.filter((name) => {
    try {
      take(name);
      return true;
    } catch (error) {
      // One sentence with the value got, and no crash of something else.
      expect((error as Error).message).toMatch(/must |could/);
      return false;
    }
  });
  expect(accepted).toEqual([]);
});
