/** What Vault's servers read at their start. */
import type { ResolvedVaultArgs } from './vault-args';

export const ports = { api: 8200, cluster: 8201 } as const;

/** Folders in the container. */
export const paths = {
  config: '/vault/config',
  data: '/vault/data',
  tls: '/vault/tls',
  seal: '/vault/seal',
  unseal: '/vault/unseal',
  postgresCa: '/vault/postgres-ca',
} as const;

/**
 * The servers' configuration file; each server takes its own name and addresses from its environment.
 * @see https://developer.hashicorp.com/vault/docs/configuration
 */
export function vaultConfiguration(args: ResolvedVaultArgs): string {
  const { name } = args;
  const configuration = {
    cluster_name: name,
    ui: false,
    // Memory must not be swapped; Kubernetes nodes have none, and pods may not lock memory.
    disable_mlock: true,
    log_format: 'json',
    listener: {
      tcp: {
        address: `0.0.0.0:${ports.api}`,
        cluster_address: `0.0.0.0:${ports.cluster}`,
        tls_cert_file: `${paths.tls}/tls.crt`,
        tls_key_file: `${paths.tls}/tls.key`,
        tls_min_version: 'tls12',
        tls_disable_client_certs: true,
        // Counters and times only; the alternative is a token that expires.
        telemetry: { unauthenticated_metrics_access: true },
      },
    },
    storage: { raft: { path: paths.data, ...peers(args) } },
    telemetry: { prometheus_retention_time: '24h', disable_hostname: true },
  };
  return `${JSON.stringify(configuration, undefined, 2)}\n`;
}

function peers({ name, namespace, replicas, clusterDomain }: ResolvedVaultArgs) {
  // An empty list is an error.
  if (replicas === 1) return {};
  const retry_join = Array.from({ length: replicas }, (_, ordinal) => ({
    leader_api_addr: `https://${name}-${ordinal}.${name}-nodes.${namespace}.svc.${clusterDomain}:${ports.api}`,
    leader_ca_cert_file: `${paths.tls}/ca.crt`,
  }));
  return { retry_join };
}

/** Runs after each start with seal `dev-auto`: opens the server with the key that its first start made. */
export const devUnseal = `key=${paths.unseal}/unsealKey
[ -s "$key" ] || exit 0
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
  /bin/vault write -field=sealed sys/unseal key=@"$key" >/dev/null 2>&1 && exit 0
  sleep 2
done
`;
