import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import * as tls from 'node:tls';
import { servedNames } from './request';
import { dnsNamesOf, endOf, issueCertificate, type KeyPair, newAuthority, parseCertificate } from './x509';

const names = servedNames({ namespace: 'data', services: ['redis'], nodes: ['redis-nodes'] });
const from = new Date('2030-01-01T00:00:00Z');
let authority: KeyPair;
let issued: KeyPair;

beforeAll(async () => {
  authority = await newAuthority('data authority', { from, days: 3650 });
  issued = await issueCertificate(authority, names, { from, days: 365 });
});

test('every form of a Service, of its pods where it is headless, and localhost', () => {
  expect(names).toEqual([
    'redis',
    'redis.data',
    'redis.data.svc',
    'redis.data.svc.cluster.local',
    'redis-nodes',
    'redis-nodes.data',
    'redis-nodes.data.svc',
    'redis-nodes.data.svc.cluster.local',
    '*.redis-nodes.data',
    '*.redis-nodes.data.svc',
    '*.redis-nodes.data.svc.cluster.local',
    'localhost',
  ]);
});

test('the authority signs servers and no other authority', () => {
  const certificate = new X509Certificate(authority.certificate);
  expect(certificate.subject).toBe('CN=data authority');
  expect(certificate.ca).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(endOf(certificate)).toEqual(new Date('2039-12-30T00:00:00Z'));
  expect(authority.privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
});

test('a certificate is of its authority, for its names and its time', () => {
  const certificate = parseCertificate(issued.certificate)!;
  expect(certificate.ca).toBe(false);
  expect(certificate.issuer).toBe('CN=data authority');
  expect(certificate.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
  expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
  expect(dnsNamesOf(certificate)).toEqual(names);
  // A clock that is five minutes behind takes it.
  expect(new Date(certificate.validFrom)).toEqual(new Date('2029-12-31T23:55:00Z'));
  expect(endOf(certificate)).toEqual(new Date('2031-01-01T00:00:00Z'));
  // TLS web server and client authentication.
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  expect(certificate.serialNumber).not.toBe(new X509Certificate(authority.certificate).serialNumber);
});

test('a server that takes no other gets an RSA key', async () => {
  const rsa = await issueCertificate(authority, names, { from, days: 365 }, 'rsa');
  const certificate = parseCertificate(rsa.certificate)!;
  expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  expect([asymmetricKeyType, asymmetricKeyDetails!.modulusLength]).toEqual(['rsa', 3072]);
  expect(certificate.checkPrivateKey(createPrivateKey(rsa.privateKey))).toBe(true);
});

test('a long first name does not make it invalid', async () => {
  const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.svc`;
  const { certificate } = await issueCertificate(authority, [long], { from, days: 1 });
  expect(new X509Certificate(certificate).checkHost(long)).toBe(long);
});

test.each([undefined, '', 'no PEM'])('%p is no certificate', (text) => {
  expect(parseCertificate(text)).toBeUndefined();
});

describe('in use', () => {
  let server: tls.Server;
  let ca: KeyPair;

  beforeAll(async () => {
    const now = { from: new Date(), days: 1 };
    ca = await newAuthority('today', now);
    const { certificate, privateKey } = await issueCertificate(ca, names, now);
    server = tls.createServer({ cert: certificate, key: privateKey }, (socket) => socket.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());

  const greeting = (trusted: KeyPair, servername: string) =>
    new Promise<string>((resolve) => {
      const { port } = server.address() as AddressInfo;
      const client = tls.connect({ socket: connectTcp(port), ca: trusted.certificate, servername });
      client.on('data', (data) => resolve(String(data)));
      client.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    });

  test.each([
    ['redis', 'hello'],
    ['redis-2.redis-nodes.data.svc.cluster.local', 'hello'],
    ['redis.other.svc', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['x.redis-2.redis-nodes.data.svc', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('a client that asks for %s: %s', async (name, expected) => {
    expect(await greeting(ca, name)).toBe(expected);
  });

  test('a client of another authority refuses', async () => {
    const other = await newAuthority('today', { from: new Date(), days: 1 });
    expect(await greeting(other, 'redis')).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
});
