import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { cleanupRules } from './network';
import { isDeciding, policyDaemon, policyReader, queueingRules } from './network-policies';

test('only what begins a connection waits, and passes while nobody decides', () => {
  expect(queueingRules('6.12.1-generic')).toBe(`*mangle
:KUBE-NETWORK-POLICIES - [0:0]
-A KUBE-NETWORK-POLICIES -m conntrack --ctstate NEW -j NFQUEUE --queue-num 100 --queue-bypass
COMMIT
`);
});

test('an older kernel, which would lose questions to DNS, does not have them wait', () => {
  for (const release of ['5.15.0', '6.1.0-49-amd64', '6.11.9']) {
    expect(queueingRules(release)).toBe(`*mangle
:KUBE-NETWORK-POLICIES - [0:0]
-A KUBE-NETWORK-POLICIES -p udp --dport 53 -j RETURN
-A KUBE-NETWORK-POLICIES -m conntrack --ctstate NEW -j NFQUEUE --queue-num 100 --queue-bypass
COMMIT
`);
  }
  expect(queueingRules('7.0.0')).toBe(queueingRules('6.18.44'));
});

test('the rules go with the other rules of the cluster', () => {
  const saved = `*mangle
:FORWARD ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:KUBE-NETWORK-POLICIES - [0:0]
-A INPUT -i adp0 -j KUBE-NETWORK-POLICIES
-A FORWARD -j KUBE-NETWORK-POLICIES
-A KUBE-NETWORK-POLICIES -m conntrack --ctstate NEW -j NFQUEUE --queue-num 100 --queue-bypass
COMMIT
`;
  expect(cleanupRules(saved)).toBe(`*mangle
-D INPUT -i adp0 -j KUBE-NETWORK-POLICIES
-D FORWARD -j KUBE-NETWORK-POLICIES
-F KUBE-NETWORK-POLICIES
-X KUBE-NETWORK-POLICIES
COMMIT
`);
});

test('somebody decides when the kernel knows a listener of the queue', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'queues-'));
  const file = path.join(folder, 'nfnetlink_queue');
  expect(isDeciding(file)).toBe(false);
  fs.writeFileSync(file, '   99   1234     0 2   128     0     0        0  1\n');
  expect(isDeciding(file)).toBe(false);
  fs.appendFileSync(file, '  100   1235     0 2   128     0     0        0  1\n');
  expect(isDeciding(file)).toBe(true);
  fs.rmSync(folder, { recursive: true });
});

test('the process that decides reads pods, namespaces and policies, and nothing else', () => {
  expect(policyDaemon('/bin', { kubeconfig: '/config/policies.kubeconfig', nodeName: 'one' })).toEqual({
    command: '/bin/kube-network-policies',
    args: ['--kubeconfig=/config/policies.kubeconfig', '--hostname-override=one', '--nfqueue-id=100'],
  });
  const [role, binding] = policyReader();
  expect(role!.rules).toEqual([
    { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
  ]);
  expect(binding!.subjects).toEqual([
    { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'kube-network-policies' },
  ]);
});
