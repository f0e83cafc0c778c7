import type { OperatorFlows, PodFlows } from './network-flows';
import { selectorLabels } from './metadata';
import { type PostgresArgs, resolvePostgresArgs } from './postgres-args';

/** Ports of the operator's pods. @see https://cloudnative-pg.io/documentation/current/security/#exposed-ports */
const ports = {
  postgres: 5432,
  status: 8000,
  metrics: 9187,
  poolerMetrics: 9127,
  webhook: 9443,
  operatorMetrics: 8080,
};
/** Name label of the operator's pods. */
export const CLOUD_NATIVE_PG = 'cloudnative-pg';
/** Namespace of the operator that a stack manages. */
export const OPERATOR_NAMESPACE = 'cnpg-system';

/** Connections of the pods that CloudNativePG makes, and of the maintenance job. */
export function postgresFlows(input: PostgresArgs): PodFlows[] {
  const { name, pooler, archive } = resolvePostgresArgs(input);
  const cluster = { 'cnpg.io/cluster': name };
  return [
    {
      name,
      pods: { matchLabels: { ...cluster, 'cnpg.io/podRole': 'instance' } },
      clients: [ports.postgres],
      // Replication; and a primary that does not reach the API server asks the others whether it is alone.
      peers: { [name]: [ports.postgres, ports.status] },
      operator: { name: CLOUD_NATIVE_PG, ports: [ports.status, ports.postgres] },
      metrics: [ports.metrics],
      apiServer: true,
    },
    {
      name: `${name}-jobs`,
      pods: { matchLabels: cluster, matchExpressions: [{ key: 'cnpg.io/jobRole', operator: 'Exists' }] },
      uses: [name],
      // A recovery reads the archive.
      ...(archive ? { egressOf: name } : {}),
      apiServer: true,
    },
    ...(pooler
      ? [
          {
            name: `${name}-pooler`,
            pods: { matchLabels: { ...cluster, 'cnpg.io/podRole': 'pooler' } },
            clients: [ports.postgres],
            uses: [name],
            metrics: [ports.poolerMetrics],
            apiServer: true,
          },
        ]
      : []),
    {
      name: `${name}-partition-maintenance`,
      pods: { matchLabels: selectorLabels({ name, component: 'partition-maintenance' }) },
      uses: [name],
    },
  ];
}

/** Connections of the operator that the stack manages; it may have clusters in other namespaces too. */
export function cloudNativePgFlows(namespace = OPERATOR_NAMESPACE): OperatorFlows {
  return {
    name: CLOUD_NATIVE_PG,
    namespace,
    pods: { matchLabels: { 'app.kubernetes.io/name': CLOUD_NATIVE_PG } },
    webhooks: [ports.webhook],
    metrics: [ports.operatorMetrics],
    manages: {
      pods: { matchLabels: { 'cnpg.io/podRole': 'instance' } },
      ports: [ports.status, ports.postgres],
    },
  };
}
