import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster, type KubernetesObject } from '../migrations/kubernetes/cluster';
import type { ApiServerAddressesArgs } from './api-server-addresses';
import { isOffline } from './manifest-bundle/engine';
import type { AddressRange } from './network-policies-args';

/** Stands in the rendering of a preview without a cluster: an address that no machine has (RFC 5737). */
const unknownRanges: readonly AddressRange[] = [{ cidr: '192.0.2.1/32', ports: [443] }];

interface Inputs extends ApiServerAddressesArgs {
  readonly ranges: readonly AddressRange[];
}

/** Provider method: asks the cluster, so that a preview shows the addresses; without a cluster it says so and goes on. */
export async function checkAddresses(news: ApiServerAddressesArgs) {
  const { context } = news;
  const inputs = (ranges: readonly AddressRange[]): Inputs => ({ ...(context ? { context } : {}), ranges });
  try {
    const cluster = KubernetesCluster.load({ context });
    const slices = await cluster.list(
      'discovery.k8s.io/v1',
      'EndpointSlice',
      'default',
      'kubernetes.io/service-name=kubernetes',
    );
    return { inputs: inputs(addressRanges(slices)), failures: [] };
  } catch (error) {
    if (isOffline(error)) {
      console.log(`addresses of the API server not asked for: ${(error as Error).message}`);
      return { inputs: inputs(unknownRanges), failures: [] };
    }
    return { inputs: inputs([]), failures: [{ property: 'ranges', reason: (error as Error).message }] };
  }
}

/**
 * The addresses of a Service's EndpointSlices, in order.
 * @throws Error when there are none: a policy without addresses would allow every one.
 */
export function addressRanges(slices: readonly KubernetesObject[]): AddressRange[] {
  const ranges = slices.flatMap(({ addressType, endpoints, ports }) => {
    const open = (ports as { port: number }[] | undefined)?.map(({ port }) => port) ?? [];
    const bits = addressType === 'IPv6' ? 128 : 32;
    const addresses = ((endpoints ?? []) as { addresses: string[] }[]).flatMap(
      (endpoint) => endpoint.addresses,
    );
    return open.length === 0 ? [] : addresses.map((address) => ({ cidr: `${address}/${bits}`, ports: open }));
  });
  if (ranges.length === 0) {
    throw new Error(
      'The Service default/kubernetes has no addresses in its EndpointSlices; set network.apiServer to the addresses of the API server.',
    );
  }
  return ranges.sort((a, b) => a.cidr.localeCompare(b.cidr));
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  check: (_olds, news) => checkAddresses(news),
  create: async (inputs: Inputs) => ({ id: 'kubernetes', outs: inputs }),
  update: async (_id, _olds, news: Inputs) => ({ outs: news }),
};
