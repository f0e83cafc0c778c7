import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';
import { CA_SECRET } from '../components/certificates';
import { ElasticsearchOperator } from '../components/elasticsearch-operator';
import { labels } from '../components/metadata';
import { Operators } from '../components/operators';
import { RetainedStorageClass } from '../components/storage-class';
import { cloudNativePgManifest, eckDefinitions, images } from '../components/versions';
import { declareArchiver, declareBackups } from './backups';
import { declareCertificates } from './certificates';
import { kubernetesProvider } from './cluster';
import { type PlatformConfig, platformOf } from './config';
import { declareNetwork } from './network';
import { certificateAuthority, type PlatformOutputs } from './outputs';
import { stores } from './stores';
import type { Platform, StoreOptions, StoreTls } from './stores/store';
import { vault } from './vault';
import { vaultDatabases } from './vault-databases';

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
  const archiver = declareArchiver(config, { provider, dependsOn: operators });
  const storage = declareStorage(config, platform.storageClass, provider);
  const tls = declareCertificates(config, platform, { provider, dependsOn: [namespace] });
  const priority = declarePriority(platform, provider);
  const after = (...dependsOn: pulumi.Input<pulumi.Resource>[]) => ({
    provider,
    dependsOn: [tls.ready, priority, ...dependsOn, ...storage],
  });
  const elasticOperator = config.elasticsearch.enabled ? [declareElasticOperator(config, provider)] : [];
  const namespaces = [namespace, operators, ...archiver, ...elasticOperator];
  declareNetwork(config, platform, { provider, dependsOn: namespaces });
  const { neo4j, oxigraph, elasticsearch, qdrant, chroma } = stores;
  const withOperators = after(namespace, operators, ...archiver);
  const postgres = stores.postgres.deploy(config.postgres, platform, withOperators, tls);
  const redis = stores.redis.deploy(config.redis, platform, after(namespace), tls);
  const objects = stores.minio.deploy(config.minio, platform, after(namespace), tls);
  // An output of its last resource stands for all of a store.
  const readiness = ({ schemaVersion }: { schemaVersion: pulumi.Output<string> }) =>
    schemaVersion.apply(() => namespace);
  declareBackups(config, platform, after(namespace));
  return {
    contract: 1,
    namespace: config.namespace,
    tls: { ca: tls.ca, caSecret: certificateAuthority(CA_SECRET) },
    postgres,
    redis,
    minio: objects,
    neo4j: config.neo4j.enabled ? neo4j.deploy(config.neo4j, platform, after(namespace), tls) : null,
    oxigraph: config.oxigraph.enabled
      ? oxigraph.deploy(config.oxigraph, platform, after(namespace), tls)
      : null,
    elasticsearch: config.elasticsearch.enabled
      ? elasticsearch.deploy(
          config.elasticsearch,
          platform,
          after(namespace, ...elasticOperator, readiness(objects)),
          tls,
        )
      : null,
    qdrant: config.qdrant.enabled ? qdrant.deploy(config.qdrant, platform, after(namespace), tls) : null,
    chroma: config.chroma.enabled ? chroma.deploy(config.chroma, platform, after(namespace), tls) : null,
    vault: declareVault(config, platform, after(namespace), tls, [postgres, redis].map(readiness)),
  };
}

/** Vault, with the databases that it makes logins in. */
function declareVault(
  config: PlatformConfig,
  platform: Platform,
  options: StoreOptions,
  tls: StoreTls,
  databaseResources: pulumi.Input<pulumi.Resource>[],
) {
  if (!config.vault.enabled) return null;
  return vault.deploy(config.vault, platform, options, tls, {
    databases: vaultDatabases(config, platform),
    databaseResources,
  });
}

/** Other workloads of the cluster give way to the stores when a node runs out of room. */
function declarePriority({ priorityClass }: Platform, provider: k8s.Provider) {
  const spec = {
    metadata: { name: priorityClass, labels: labels({ name: 'priority' }) },
    value: 1_000_000,
    description: 'Stores of the agent data platform.',
  };
  return new k8s.scheduling.v1.PriorityClass('priority', spec, { provider });
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
