import { issuerSpecs } from './cert-manager-spec';

const args = {
  namespace: 'data',
  caSecret: 'platform-ca',
  validDays: 90,
  renewBeforeDays: 30,
  requests: [{ secret: 'redis-tls', dnsNames: ['redis', '*.redis-nodes.data.svc'] }],
};
const object = (kind: string, name: string, spec: object) => ({
  apiVersion: 'cert-manager.io/v1',
  kind,
  metadata: {
    name,
    namespace: 'data',
    labels: {
      'app.kubernetes.io/name': 'certificates',
      'app.kubernetes.io/part-of': 'agent-data-platform',
      'app.kubernetes.io/managed-by': 'pulumi',
    },
  },
  spec,
});
const key = (rotationPolicy: string) => ({
  algorithm: 'ECDSA',
  size: 256,
  encoding: 'PKCS8',
  rotationPolicy,
});
const server = (issuerRef: object) =>
  object('Certificate', 'redis-tls', {
    secretName: 'redis-tls',
    dnsNames: ['redis', '*.redis-nodes.data.svc'],
    usages: ['digital signature', 'server auth', 'client auth'],
    duration: '2160h',
    renewBefore: '720h',
    privateKey: key('Always'),
    issuerRef,
  });

it('makes an authority that keeps its key, and has it sign', () => {
  expect(issuerSpecs(args)).toEqual([
    object('Issuer', 'platform-ca-self-signed', { selfSigned: {} }),
    object('Certificate', 'platform-ca', {
      secretName: 'platform-ca-key',
      isCA: true,
      commonName: 'data authority',
      duration: '87600h',
      renewBefore: '8760h',
      privateKey: key('Never'),
      issuerRef: { kind: 'Issuer', name: 'platform-ca-self-signed' },
    }),
    object('Issuer', 'platform-ca', { ca: { secretName: 'platform-ca-key' } }),
    server({ kind: 'Issuer', name: 'platform-ca' }),
  ]);
});

it('leaves signing to an issuer of the cluster', () => {
  const issuerRef = { kind: 'ClusterIssuer', name: 'internal' } as const;
  expect(issuerSpecs({ ...args, issuerRef })).toEqual([server(issuerRef)]);
});
