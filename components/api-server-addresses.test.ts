import type { KubernetesObject } from '../migrations/kubernetes/cluster';
import { addressRanges, provider } from './api-server-addresses-provider';

const slice = (spec: object) =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes' },
    ...spec,
  }) as KubernetesObject;

test('every address of every slice, with the ports of its slice', () => {
  const slices = [
    slice({
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.2'] }, { addresses: ['10.0.0.1'] }],
      ports: [{ name: 'https', port: 6443 }],
    }),
    slice({ addressType: 'IPv6', endpoints: [{ addresses: ['2001:db8::1'] }], ports: [{ port: 443 }] }),
  ];
  expect(addressRanges(slices)).toEqual([
    { cidr: '10.0.0.1/32', ports: [6443] },
    { cidr: '10.0.0.2/32', ports: [6443] },
    { cidr: '2001:db8::1/128', ports: [443] },
  ]);
});

test.each([
  ['no slice', []],
  ['a slice without endpoints', [slice({ addressType: 'IPv4', ports: [{ port: 443 }] })]],
  ['a slice without ports', [slice({ addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }] })]],
])('%s is refused, since a policy without addresses or ports would allow all', (_, slices) => {
  expect(() => addressRanges(slices)).toThrow(
    'The Service default/kubernetes has no addresses in its EndpointSlices; set network.apiServer to the addresses of the API server.',
  );
});

test('a preview without a cluster goes on with an address that no machine has', async () => {
  const before = process.env.KUBECONFIG;
  process.env.KUBECONFIG = '/nonexistent/kubeconfig';
  const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    expect(await provider.check!({}, {})).toEqual({
      inputs: { ranges: [{ cidr: '192.0.2.1/32', ports: [443] }] },
      failures: [],
    });
    expect(log).toHaveBeenCalledWith(expect.stringContaining('addresses of the API server not asked for: '));
  } finally {
    log.mockRestore();
    if (before === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = before;
  }
});
