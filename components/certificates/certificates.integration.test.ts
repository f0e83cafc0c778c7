import { randomBytes, X509Certificate } from 'node:crypto';
import { KubernetesCluster, type KubernetesObject } from '../../migrations/kubernetes/cluster';
import { eventually } from '../../migrations/testing/servers';
import type { CertificatesInputs } from './inputs';
import { ensure, provider } from './provider';
import { issueCertificate, newAuthority } from './x509';

const namespace = `certificates-${randomBytes(4).toString('hex')}`;
const cluster = KubernetesCluster.load();
const inputs: CertificatesInputs = {
  namespace,
  issuer: 'stack',
  requests: [
    { secret: 'redis-tls', dnsNames: ['redis', 'redis.data.svc'] },
    { secret: 'minio-tls', dnsNames: ['minio'] },
  ],
  caSecret: 'platform-ca',
  validDays: 365,
  renewBeforeDays: 120,
  reportTo: 'urn:pulumi:test::test::x::y',
};

const apply = (object: KubernetesObject) => cluster.apply(object, { fieldManager: 'test', force: true });

beforeAll(() => apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }));
afterAll(() => cluster.delete('v1', 'Namespace', undefined, namespace));

const put = (name: string, stringData: Data) =>
  apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });

type Data = Record<string, string>;
const secret = async (name: string) => (await cluster.secret(namespace, name)) as Data;
/** Pulumi gives both sides the code of the provider. */
const change = (olds: object, news: CertificatesInputs) => {
  const code = { __provider: 'code' };
  return provider.diff!(namespace, { ...olds, ...code }, { ...news, ...code }) as Promise<{
    changes?: boolean;
  }>;
};

test('makes an authority and a certificate of it for each server; the state holds no key', async () => {
  const outs = await ensure(inputs);
  const { 'ca.crt': ca, ...rest } = await secret('platform-ca');
  expect(rest).toEqual({});
  expect(outs.ca).toBe(ca);
  const authority = new X509Certificate(ca!);
  for (const { secret: name, dnsNames } of inputs.requests) {
    const data = await secret(name);
    expect(Object.keys(data).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    expect(data['ca.crt']).toBe(ca);
    const certificate = new X509Certificate(data['tls.crt']!);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.subjectAltName).toBe(dnsNames.map((dnsName) => `DNS:${dnsName}`).join(', '));
    expect(outs.issued[name]!.notAfter).toBe(new Date(certificate.validTo).toISOString());
  }
  expect(JSON.stringify(outs)).not.toContain('PRIVATE KEY');
});

test('a second run changes nothing', async () => {
  const first = await ensure(inputs);
  const before = await Promise.all(inputs.requests.map(({ secret: name }) => secret(name)));
  expect(await ensure(inputs)).toEqual(first);
  expect(await Promise.all(inputs.requests.map(({ secret: name }) => secret(name)))).toEqual(before);
  expect(await change(first, inputs)).toEqual({ changes: false });
});

test('another name, an end that is near, or a certificate of somebody else: made again, and only that one', async () => {
  const first = await ensure(inputs);
  const more = {
    ...inputs,
    requests: [inputs.requests[0]!, { secret: 'minio-tls', dnsNames: ['minio', 'minio.data'] }],
  };
  expect(await change(first, more)).toEqual({ changes: true });
  const second = await ensure(more);
  expect(second.issued['redis-tls']).toEqual(first.issued['redis-tls']);
  expect(second.issued['minio-tls']).not.toEqual(first.issued['minio-tls']);

  const near = { ...more, renewBeforeDays: 366 };
  expect(await change(second, near)).toEqual({ changes: true });
  expect((await ensure(near)).issued['redis-tls']).not.toEqual(second.issued['redis-tls']);

  const now = { from: new Date(), days: 365 };
  const forged = await issueCertificate(await newAuthority('forged', now), ['redis', 'redis.data.svc'], now);
  await put('redis-tls', { 'tls.crt': forged.certificate, 'tls.key': forged.privateKey });
  await ensure(more);
  const authority = new X509Certificate((await secret('platform-ca'))['ca.crt']!);
  expect(new X509Certificate((await secret('redis-tls'))['tls.crt']!).verify(authority.publicKey)).toBe(true);
});

test('a Secret that somebody deleted is found by refresh and made again by the next update', async () => {
  const before = await ensure(inputs);
  await cluster.delete('v1', 'Secret', namespace, 'minio-tls');
  const refreshed = await provider.read!(namespace, before);
  expect(Object.keys((refreshed.props as typeof before).issued)).toEqual(['redis-tls']);
  expect(await change(refreshed.props, inputs)).toEqual({ changes: true });
  await provider.update!(namespace, refreshed.props, inputs);
  expect(Object.keys(await secret('minio-tls')).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
});

test('a Secret in the place of the authority is never overwritten', async () => {
  const name = 'own-ca-key';
  await put(name, { note: 'something of the team' });
  await expect(ensure({ ...inputs, caSecret: 'own-ca' })).rejects.toThrow(
    `Secret ${namespace}/${name} holds no certificate authority; restore it, or delete it and every client's copy of the old one.`,
  );
  expect(await secret(name)).toEqual({ note: 'something of the team' });
});

const gone = (name: string) =>
  eventually(`Secret ${name} is gone`, 10_000, async () => !(await cluster.secret(namespace, name)));

test('what is no longer asked for is deleted, and at the end all of it', async () => {
  const before = await ensure(inputs);
  const fewer = { ...inputs, requests: inputs.requests.slice(0, 1) };
  await provider.update!(namespace, before, fewer);
  await gone('minio-tls');
  await provider.delete!(namespace, { ...before, ...fewer });
  for (const name of ['redis-tls', 'platform-ca', 'platform-ca-key']) await gone(name);
});
