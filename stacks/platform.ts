import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';
import { ElasticsearchOperator } from '../components/elasticsearch-operator';
import { labels } from '../components/metadata';
import { Operators } from '../components/operators';
import { RetainedStorageClass } from '../components/storage-class';
import { cloudNativePgManifest, eckDefinitions, images } from '../components/versions';
import { kubernetesProvider } from './cluster';
import { type PlatformConfig, platformOf } from './config';
import { declareNetwork } from './network';
import type { PlatformOutputs } from './outputs';
import { stores } from './stores';

/** Declares the whole platform of one environment and returns the contract of its applications. */
export function deployPlatform(config: PlatformConfig): PlatformOutputs {
  const provider = kubernetesProvider(config);
  const platform = platformOf(config);
  const namespace = new k8s.core.v1.Namespace(
    'namespace',
    {
      metadata: {
        name: config.namespace,
        labels: { ...labels({ name: 'namespace' }), 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    },
    { provider },
  );
  const operators = new Operators(
    'operators',
    { mode: config.operators, manifest: cloudNativePgManifest, context: config.kubeContext },
    { provider },
  );
  const storage = declareStorage(config, platform.storageClass, provider);
  const after = (...dependsOn: pulumi.Input<pulumi.Resource>[]) => ({
    provider,
    dependsOn: [...dependsOn, ...storage],
  });
  const elasticOperator = config.elasticsearch.enabled ? [declareElasticOperator(config, provider)] : [];
  declareNetwork(config, platform, { provider, dependsOn: [namespace, operators, ...elasticOperator] });
  const { postgres, redis, minio, neo4j, oxigraph, elasticsearch, qdrant, chroma } = stores;
  const objects = minio.deploy(config.minio, platform, after(namespace));
  // Elasticsearch writes its snapshots there: an output of the last resource stands for all of MinIO.
  const snapshotStorage = objects.schemaVersion.apply(() => namespace);
  return {
    contract: 1,
    namespace: config.namespace,
    postgres: postgres.deploy(config.postgres, platform, after(namespace, operators)),
    redis: redis.deploy(config.redis, platform, after(namespace)),
    minio: objects,
    neo4j: config.neo4j.enabled ? neo4j.deploy(config.neo4j, platform, after(namespace)) : null,
    oxigraph: config.oxigraph.enabled ? oxigraph.deploy(config.oxigraph, platform, after(namespace)) : null,
    elasticsearch: config.elasticsearch.enabled
      ? elasticsearch.deploy(
          config.elasticsearch,
          platform,
          after(namespace, ...elasticOperator, snapshotStorage),
        )
      : null,
    qdrant: config.qdrant.enabled ? qdrant.deploy(config.qdrant, platform, after(namespace)) : null,
    chroma: config.chroma.enabled ? chroma.deploy(config.chroma, platform, after(namespace)) : null,
  };
}

/** Elastic Cloud on Kubernetes, which only Elasticsearch needs. */
function declareElasticOperator({ operators, kubeContext }: PlatformConfig, provider: k8s.Provider) {
  return new ElasticsearchOperator(
    'elastic-operator',
    { mode: operators, image: images.eck, definitions: eckDefinitions, context: kubeContext },
    { provider },
  );
}

/** The StorageClass that the stores' volumes wait for; none when the configuration names an existing one. */
function declareStorage(
  { storage }: PlatformConfig,
  className: string,
  provider: k8s.Provider,
): pulumi.Resource[] {
  if (!('provisioner' in storage)) return [];
  const { provisioner } = storage;
  return [new RetainedStorageClass('storage', { provisioner, className }, { provider })];
}
