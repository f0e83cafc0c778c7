import { type ElasticsearchArgs, resolveElasticsearchArgs } from './elasticsearch-args';
import type { OperatorFlows, PodFlows } from './network-flows';
import { selectorLabels } from './metadata';

/** Ports of the operator's pods. @see https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s/network-policies */
const ports = { http: 9200, transport: 9300 };
const OPERATOR = 'elastic-operator';

/**
 * Connections of the nodes; one that is about to stop tells the others over HTTP.
 * @param snapshots Flow of the object storage that snapshots go to; default none.
 */
export function elasticsearchFlows(input: ElasticsearchArgs, snapshots?: string): PodFlows[] {
  const { name } = resolveElasticsearchArgs(input);
  return [
    {
      name,
      pods: { matchLabels: { 'elasticsearch.k8s.elastic.co/cluster-name': name } },
      clients: [ports.http],
      peers: { [name]: [ports.transport, ports.http] },
      operator: { name: OPERATOR, ports: [ports.http] },
      ...(snapshots ? { uses: [snapshots] } : {}),
    },
  ];
}

/** Connections of the operator that the stack manages; it may have clusters in other namespaces too. */
export function elasticsearchOperatorFlows(namespace = 'elastic-system'): OperatorFlows {
  return {
    name: OPERATOR,
    namespace,
    pods: { matchLabels: selectorLabels({ name: OPERATOR }) },
    manages: {
      pods: { matchLabels: { 'common.k8s.elastic.co/type': 'elasticsearch' } },
      ports: [ports.http],
    },
  };
}
