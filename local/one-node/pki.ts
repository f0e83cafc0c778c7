import {
  generateKeyPairSync,
  randomBytes,
  X509Certificate,
  createPrivateKey,
  createPublicKey,
} from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { runHost } from './host';
import { network } from './network';
import { POLICY_USER } from './network-policies';

const AUTHORITY_DAYS = 3650;
const CERTIFICATE_DAYS = 365;
const RENEW_BEFORE_MS = 30 * 24 * 3600 * 1000;

/** Certificate authorities are separate, so that a client of one is nobody to the others. */
type Authority = 'ca' | 'etcd-ca' | 'front-proxy-ca';

interface CertificateSpec {
  readonly authority: Authority;
  /** Distinguished name in OpenSSL's form. */
  readonly subject: string;
  readonly usage: readonly ('serverAuth' | 'clientAuth')[];
  /** Subject alternative names, such as `DNS:localhost` and `IP:127.0.0.1`. */
  readonly hosts?: readonly string[];
}

const API_HOSTS = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
const NODE_HOST = `IP:${network.nodeIp}`;

/**
 * Certificates of the cluster, by file name.
 * @see https://kubernetes.io/docs/setup/best-practices/certificates/
 */
export function certificateSpecs(nodeName: string): Record<string, CertificateSpec> {
  const client = (subject: string): CertificateSpec => ({ authority: 'ca', subject, usage: ['clientAuth'] });
  return {
    apiserver: {
      authority: 'ca',
      subject: '/CN=kube-apiserver',
      usage: ['serverAuth'],
      hosts: [
        ...[...API_HOSTS, `${API_HOSTS.at(-1)}.${network.clusterDomain}`, 'localhost'].map((h) => `DNS:${h}`),
        ...[network.nodeIp, network.apiServiceIp, '127.0.0.1'].map((ip) => `IP:${ip}`),
      ],
    },
    'apiserver-kubelet-client': client('/O=system:masters/CN=kube-apiserver-kubelet-client'),
    admin: client('/O=system:masters/CN=kubernetes-admin'),
    'controller-manager': client('/CN=system:kube-controller-manager'),
    scheduler: client('/CN=system:kube-scheduler'),
    proxy: client('/CN=system:kube-proxy'),
    'network-policies': client(`/CN=${POLICY_USER}`),
    kubelet: client(`/O=system:nodes/CN=system:node:${nodeName}`),
    'kubelet-server': {
      authority: 'ca',
      subject: `/O=system:nodes/CN=system:node:${nodeName}`,
      usage: ['serverAuth'],
      hosts: [NODE_HOST, `DNS:${nodeName}`],
    },
    'front-proxy-client': {
      authority: 'front-proxy-ca',
      subject: '/CN=front-proxy-client',
      usage: ['clientAuth'],
    },
    etcd: {
      authority: 'etcd-ca',
      subject: '/CN=etcd',
      // A peer is also a client of its own server.
      usage: ['serverAuth', 'clientAuth'],
      hosts: ['DNS:localhost', 'IP:127.0.0.1'],
    },
    'apiserver-etcd-client': {
      authority: 'etcd-ca',
      subject: '/CN=kube-apiserver-etcd-client',
      usage: ['clientAuth'],
    },
  };
}

/** Creates what is missing of keys and certificates, and renews certificates within 30 days of their end. */
export async function ensurePki(pki: string, nodeName: string): Promise<void> {
  fs.mkdirSync(pki, { recursive: true, mode: 0o700 });
  for (const authority of ['ca', 'etcd-ca', 'front-proxy-ca'] as const) await ensureAuthority(pki, authority);
  for (const [name, spec] of Object.entries(certificateSpecs(nodeName))) {
    if (!isUsable(pki, name, spec)) await issue(pki, name, spec);
  }
  ensureFile(path.join(pki, 'service-account.key'), newKey);
  const signing = createPrivateKey(fs.readFileSync(path.join(pki, 'service-account.key')));
  ensureFile(path.join(pki, 'service-account.pub'), () =>
    createPublicKey(signing).export({ type: 'spki', format: 'pem' }).toString(),
  );
  ensureFile(path.join(pki, 'encryption.json'), encryptionConfiguration);
}

async function ensureAuthority(pki: string, name: Authority): Promise<void> {
  const key = path.join(pki, `${name}.key`);
  const certificate = path.join(pki, `${name}.crt`);
  ensureFile(key, newKey);
  if (fs.existsSync(certificate)) return;
  await runHost('openssl', [
    ...['req', '-x509', '-new', '-sha256', '-key', key, '-out', `${certificate}.new`],
    ...['-days', String(AUTHORITY_DAYS), '-subj', `/CN=agent-data-platform-${name}`],
    ...['-addext', 'keyUsage=critical,digitalSignature,keyCertSign,cRLSign'],
  ]);
  fs.renameSync(`${certificate}.new`, certificate);
}

async function issue(pki: string, name: string, spec: CertificateSpec): Promise<void> {
  const file = (suffix: string) => path.join(pki, `${name}.${suffix}`);
  fs.rmSync(file('crt'), { force: true });
  writePrivate(file('key'), newKey());
  const extensions = [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    `extendedKeyUsage=${spec.usage.join(',')}`,
    ...(spec.hosts ? [`subjectAltName=${spec.hosts.join(',')}`] : []),
  ];
  fs.writeFileSync(file('ext'), extensions.join('\n'));
  await runHost('openssl', ['req', '-new', '-key', file('key'), '-out', file('csr'), '-subj', spec.subject]);
  const authority = path.join(pki, spec.authority);
  await runHost('openssl', [
    ...['x509', '-req', '-sha256', '-in', file('csr'), '-out', file('crt.new')],
    ...['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-extfile', file('ext')],
    ...['-set_serial', `0x${randomBytes(16).toString('hex')}`, '-days', String(CERTIFICATE_DAYS)],
  ]);
  fs.renameSync(file('crt.new'), file('crt'));
  for (const suffix of ['csr', 'ext']) fs.rmSync(file(suffix));
}

/** Whether a certificate is there, fits its key, its authority and its spec, and lasts long enough. */
export function isUsable(pki: string, name: string, spec: CertificateSpec, now = Date.now()): boolean {
  try {
    const read = (file: string) => fs.readFileSync(path.join(pki, file));
    const certificate = new X509Certificate(read(`${name}.crt`));
    const authority = new X509Certificate(read(`${spec.authority}.crt`));
    const names = certificate.subjectAltName?.split(', ').map((n) => n.replace('IP Address:', 'IP:')) ?? [];
    return (
      certificate.checkPrivateKey(createPrivateKey(read(`${name}.key`))) &&
      certificate.verify(authority.publicKey) &&
      certificate.subject === spec.subject.slice(1).replaceAll('/', '\n') &&
      names.join() === (spec.hosts ?? []).join() &&
      Date.parse(certificate.validTo) > now + RENEW_BEFORE_MS
    );
  } catch {
    return false;
  }
}

/**
 * Secrets are encrypted in etcd with a key that only this cluster has.
 * @see https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
 */
function encryptionConfiguration(): string {
  const secret = randomBytes(32).toString('base64');
  return JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [
      {
        resources: ['secrets'],
        providers: [{ secretbox: { keys: [{ name: 'key1', secret }] } }, { identity: {} }],
      },
    ],
  });
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function ensureFile(file: string, content: () => string): void {
  if (!fs.existsSync(file)) writePrivate(file, content());
}

/** Writes a file of mode 0600 that is either whole or not there. */
export function writePrivate(file: string, content: string): void {
  fs.writeFileSync(`${file}.new`, content, { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
}
