import { ApiServerAddresses } from '../components/api-server-addresses';
import { drillFlows } from '../components/backup-drill-spec';
import { barmanCloudFlows } from '../components/barman-cloud-spec';
import { backupFlows } from '../components/backup-jobs-spec';
import { chromaFlows } from '../components/chroma-spec';
import { elasticsearchFlows, elasticsearchOperatorFlows } from '../components/elasticsearch-flows';
import { minioFlows } from '../components/minio-spec';
import { neo4jFlows } from '../components/neo4j-spec';
import type { OperatorFlows, PodFlows } from '../components/network-flows';
import { NetworkPolicies } from '../components/network-policies';
import { checkNetworkPoliciesArgs, type NetworkPoliciesArgs } from '../components/network-policies-args';
import { oxigraphFlows } from '../components/oxigraph-spec';
import { cloudNativePgFlows, postgresFlows } from '../components/postgres-flows';
import { qdrantFlows } from '../components/qdrant-spec';
import { redisClusterFlows, redisFlows } from '../components/redis-flows';
import { vaultFlows } from '../components/vault-spec';
import { images } from '../components/versions';
import { backupJobsArgs } from './backups';
import type { PlatformConfig } from './config';
import { type StoreKey, stores, type StoreSettings } from './stores';
import { isOn, type Platform, type StoreOptions } from './stores/store';
import { vault } from './vault';
import { vaultDatabases } from './vault-databases';

type Flows = { readonly [Key in StoreKey]: (settings: StoreSettings[Key], platform: Platform) => PodFlows[] };

const flows: Flows = {
  postgres: (settings, platform) => postgresFlows(stores.postgres.args(settings, platform)),
  redis(settings, platform) {
    const { mode, args } = stores.redis.args(settings, platform);
    return mode === 'cluster' ? redisClusterFlows(args) : redisFlows(args);
  },
  minio: (settings, platform) =>
    minioFlows({ ...stores.minio.args(settings, platform), image: images.minio }),
  neo4j: (settings, platform) => neo4jFlows(stores.neo4j.args(settings, platform)),
  oxigraph: (settings, platform) => oxigraphFlows(stores.oxigraph.args(settings, platform)),
  elasticsearch: (settings, platform) =>
    elasticsearchFlows(
      stores.elasticsearch.args(settings, platform),
      settings.snapshots ? undefined : 'minio',
    ),
  qdrant: (settings, platform) => qdrantFlows(stores.qdrant.args(settings, platform)),
  chroma: (settings, platform) => chromaFlows(stores.chroma.args(settings, platform)),
};

/** The connections of every store that is on, and of the operators that the stack manages. */
export function networkArgs(config: PlatformConfig, platform: Platform): NetworkPoliciesArgs {
  const { clients, monitoring, egress } = config.network;
  return {
    namespace: config.namespace,
    flows: storeFlows(config, platform),
    operators: config.operators === 'managed' ? operatorFlows(config, platform) : [],
    ...{ clients, monitoring, egress },
  };
}

/**
 * Refuses settings of the network that name what the platform does not have.
 * @throws Error that says what was got and what is allowed.
 */
export function checkNetwork(config: PlatformConfig, platform: Platform): void {
  checkNetworkPoliciesArgs(networkArgs(config, platform));
}

function storeFlows(config: PlatformConfig, platform: Platform): PodFlows[] {
  const anyFlows = flows as Record<StoreKey, (settings: object, platform: Platform) => PodFlows[]>;
  const on = (Object.keys(flows) as StoreKey[]).filter((key) => isOn(config[key]));
  const ofVault = config.vault.enabled
    ? vaultFlows(vault.args(config.vault, platform, vaultDatabases(config, platform)))
    : [];
  const jobs = backupJobsArgs(config, platform);
  const ofBackups = jobs ? [...backupFlows(jobs), ...(config.backups.drill.enabled ? drillFlows() : [])] : [];
  return [...on.flatMap((key) => anyFlows[key](config[key], platform)), ...ofVault, ...ofBackups];
}

function operatorFlows({ elasticsearch }: PlatformConfig, { postgresArchive }: Platform): OperatorFlows[] {
  return [
    cloudNativePgFlows(),
    ...(postgresArchive ? [barmanCloudFlows()] : []),
    ...(elasticsearch.enabled ? [elasticsearchOperatorFlows()] : []),
  ];
}

/** Declares the platform's NetworkPolicies, unless they are disabled; needs the namespaces. */
export function declareNetwork(
  config: PlatformConfig,
  platform: Platform,
  { provider, dependsOn }: StoreOptions,
): void {
  const { policies, apiServer } = config.network;
  if (policies === 'disabled') return;
  const ranges =
    apiServer ??
    new ApiServerAddresses('api-server-addresses', config.kubeContext ? { context: config.kubeContext } : {})
      .ranges;
  new NetworkPolicies(
    'network',
    { ...networkArgs(config, platform), apiServer: ranges },
    { provider, dependsOn },
  );
}
