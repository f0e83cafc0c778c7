import { parse } from 'yaml';
import { configurationFiles, reachableNameservers } from './configuration';
import { daemons } from './daemons';
import { clusterLayout } from './layout';

const layout = clusterLayout('dev', '/state');
const file = (name: string) => configurationFiles(layout)[name] ?? '';

test('pods get the name servers that are not the machine itself', () => {
  const host =
    'search example.org\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.53\noptions edns0\n';
  expect(reachableNameservers(host)).toBe('nameserver 192.0.2.53\n');
  expect(reachableNameservers('nameserver 127.0.0.1\n')).toBe('');
});

test('the kubelet asks the API server who may talk to it, and collects no images', () => {
  expect(parse(file('kubelet.yaml'))).toMatchObject({
    address: '10.244.0.1',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
    authorization: { mode: 'Webhook' },
    clusterDNS: ['10.96.0.10'],
    imageGCHighThresholdPercent: 100,
  });
});

test('pod addresses are remembered in a folder that goes with the pods', () => {
  const [bridge] = JSON.parse(file('cni/10-bridge.conflist')).plugins;
  expect(bridge).toMatchObject({ bridge: 'adp0', isGateway: true });
  expect(bridge.ipam).toMatchObject({
    dataDir: `${layout.run}/ipam`,
    ranges: [[{ subnet: '10.244.0.0/16', gateway: '10.244.0.1' }]],
  });
});

test('components reach the API server at the node, with their own certificates', () => {
  const config = parse(file('scheduler.kubeconfig'));
  expect(config.clusters[0].cluster).toEqual({
    server: 'https://10.244.0.1:6443',
    'certificate-authority': '/state/clusters/dev/pki/ca.crt',
  });
  expect(config.users[0].user['client-key']).toBe('/state/clusters/dev/pki/scheduler.key');
});

describe('processes', () => {
  const options = { binaries: '/bin', policyBinaries: '/policies', bridgeIsFiltered: true };
  const planned = daemons(layout, options);

  test('etcd syncs to disk and lets in only clients of its own authority', () => {
    expect(planned.etcd.args).toEqual(
      expect.arrayContaining([
        '--client-cert-auth=true',
        '--trusted-ca-file=/state/clusters/dev/pki/etcd-ca.crt',
        '--listen-client-urls=https://127.0.0.1:2379',
      ]),
    );
    expect(planned.etcd.args.join(' ')).not.toContain('unsafe');
  });

  test('the process that decides on network policies has a certificate of its own', () => {
    const config = parse(file('network-policies.kubeconfig'));
    expect(config.users[0].user['client-key']).toBe('/state/clusters/dev/pki/network-policies.key');
    expect(planned['kube-network-policies']).toMatchObject({
      command: '/policies/kube-network-policies',
      args: [
        '--kubeconfig=/state/clusters/dev/config/network-policies.kubeconfig',
        '--hostname-override=agent-data-platform-dev',
        '--nfqueue-id=100',
      ],
      logFile: '/state/clusters/dev/logs/kube-network-policies.log',
    });
  });

  test('nothing listens on all interfaces', () => {
    for (const { command, args } of Object.values(planned))
      expect([command, args.filter((arg) => arg.includes('0.0.0.0'))]).toEqual([command, []]);
    expect(planned['kube-apiserver'].args).toContain('--bind-address=10.244.0.1');
    expect(planned['kube-scheduler'].args).toContain('--bind-address=127.0.0.1');
  });

  test('Services masquerade everything only where bridged traffic passes no filter', () => {
    const unfiltered = daemons(layout, { ...options, bridgeIsFiltered: false });
    expect(planned['kube-proxy'].args).toContain('--masquerade-all=false');
    expect(unfiltered['kube-proxy'].args).toContain('--masquerade-all=true');
  });
});
