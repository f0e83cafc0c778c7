/** X.509 certificates of the stack's own authority. */
// The ASN.1 library declares its structures with decorators.
import 'reflect-metadata';
import { randomBytes, webcrypto, X509Certificate as ParsedCertificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { KeyType } from './request';

/** PEM texts of a certificate and of its private key (PKCS #8). */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Which times a certificate is valid at. */
export interface Validity {
  readonly from: Date;
  readonly days: number;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 3072,
  publicExponent: new Uint8Array([1, 0, 1]),
};
const DAY_MS = 24 * 3600 * 1000;
/** A clock that is behind must not refuse a new certificate. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** Makes a certificate authority that signs servers' certificates and no other authority. */
export async function newAuthority(commonName: string, validity: Validity): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(validity),
    name: `CN=${commonName}`,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pair(certificate, keys.privateKey);
}

/** Makes a certificate for servers that are also clients of each other, as replicas are. */
export async function issueCertificate(
  authority: KeyPair,
  dnsNames: readonly string[],
  validity: Validity,
  keyType: KeyType = 'ec',
): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await generateKeys(keyType);
  const usages = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth];
  const certificate = await x509.X509CertificateGenerator.create({
    ...common(validity),
    // A common name has at most 64 characters; clients read the names below.
    subject: `CN=${dnsNames[0]!.slice(0, 64)}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.privateKey),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(usage(keyType), true),
      new x509.ExtendedKeyUsageExtension(usages),
      new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value }))),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return pair(certificate, keys.privateKey);
}

/** What a PEM certificate says; undefined for anything else. */
export function parseCertificate(pem: string | undefined): ParsedCertificate | undefined {
  try {
    return pem === undefined ? undefined : new ParsedCertificate(pem);
  } catch {
    return undefined;
  }
}

/** Names of a certificate, wildcards as they stand. */
export function dnsNamesOf({ subjectAltName = '' }: ParsedCertificate): string[] {
  return subjectAltName.split(', ').map((name) => name.replace(/^DNS:/, ''));
}

/** When a certificate ends. */
export function endOf({ validTo }: ParsedCertificate): Date {
  return new Date(validTo);
}

function common({ from, days }: Validity) {
  return {
    // A positive number of 20 bytes, as RFC 5280 allows at most.
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    notBefore: new Date(from.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(from.getTime() + days * DAY_MS),
    signingAlgorithm: ALGORITHM,
  };
}

function generateKeys(keyType: KeyType = 'ec') {
  return webcrypto.subtle.generateKey(keyType === 'rsa' ? RSA : ALGORITHM, true, ['sign', 'verify']);
}

/** Key exchange by RSA itself, which TLS 1.2 has, encrypts with the key. */
function usage(keyType: KeyType): x509.KeyUsageFlags {
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags;
  return keyType === 'rsa' ? digitalSignature | keyEncipherment : digitalSignature;
}

async function pair(certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<KeyPair> {
  const exported = await webcrypto.subtle.exportKey('pkcs8', key);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: `${x509.PemConverter.encode(exported, 'PRIVATE KEY')}\n`,
  };
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), ALGORITHM, false, ['sign']);
}
