import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { goBinary, goModuleSource } from '../../local/go-build';
import { logTail, startDaemon, stopDaemon } from '../../local/process';
import { goBuilds } from '../../local/versions';
import { KubernetesCluster, type KubernetesObject } from '../../migrations/kubernetes/cluster';
import { eventually } from '../../migrations/testing/servers';
import { issuerSpecs } from './cert-manager-spec';
import type { CertificatesInputs } from './inputs';
import { ensure } from './provider';
import { servedNames } from './request';
import { parseCertificate } from './x509';

// The first run on a machine builds cert-manager.
jest.setTimeout(20 * 60_000);

const MODULE = 'github.com/cert-manager/cert-manager';
const definitionFiles = ['certificaterequests', 'certificates', 'clusterissuers', 'issuers'];
const orderFiles = ['challenges', 'orders'];
const namespace = `cert-manager-${randomBytes(4).toString('hex')}`;
const folder = mkdtempSync(join(tmpdir(), 'cert-manager-'));
const daemon = { pidFile: join(folder, 'pid'), logFile: join(folder, 'log') };
const cluster = KubernetesCluster.load();
const apply = (object: KubernetesObject) => cluster.apply(object, { fieldManager: 'test', force: true });
let definitions: KubernetesObject[];

const inputs: CertificatesInputs = {
  namespace,
  issuer: 'cert-manager',
  requests: [
    {
      secret: 'redis-tls',
      dnsNames: servedNames({ namespace, services: ['redis', 'redis-sentinel'], nodes: ['redis-nodes'] }),
    },
    { secret: 'minio-tls', dnsNames: servedNames({ namespace, services: ['minio'] }) },
  ],
  caSecret: 'platform-ca',
  validDays: 365,
  renewBeforeDays: 121,
  reportTo: 'urn:pulumi:test::test::x::y',
};

beforeAll(async () => {
  const source = await goModuleSource(goBuilds.certManager.name, MODULE);
  const read = (prefix: string, names: readonly string[]) =>
    names.flatMap((name) =>
      documents(join(source, 'deploy', 'crds', `${prefix}cert-manager.io_${name}.yaml`)),
    );
  definitions = [...read('', definitionFiles), ...read('acme.', orderFiles)];
  for (const definition of definitions) await apply(definition);
  await eventually('the definitions are established', 60_000, async () =>
    (await Promise.all(definitions.map(({ metadata }) => isEstablished(metadata.name!)))).every(Boolean),
  );
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, cluster.config.exportConfig(), { mode: 0o600 });
  await startDaemon({
    ...daemon,
    command: join(await goBinary(goBuilds.certManager), 'cert-manager'),
    args: [],
    // Only this namespace: other Certificates of the cluster are none of its business.
    env: { KUBECONFIG: kubeconfig, NAMESPACE: namespace },
  });
});
afterAll(async () => {
  await stopDaemon(daemon.pidFile);
  await cluster.delete('v1', 'Namespace', undefined, namespace);
  for (const { metadata } of definitions)
    await cluster.delete('apiextensions.k8s.io/v1', 'CustomResourceDefinition', undefined, metadata.name!);
  rmSync(folder, { recursive: true });
});

function documents(file: string): KubernetesObject[] {
  return parseAllDocuments(readFileSync(file, 'utf8'))
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}

async function isEstablished(name: string): Promise<boolean> {
  const found = await cluster.read('apiextensions.k8s.io/v1', 'CustomResourceDefinition', undefined, name);
  const conditions: { type: string; status: string }[] = found?.status?.conditions ?? [];
  return conditions.some(({ type, status }) => type === 'Established' && status === 'True');
}

const secret = async (name: string) => (await cluster.secret(namespace, name))!;

const issued = async () =>
  ensure(inputs).catch((error: Error) => {
    throw new Error(`${error.message}\n${logTail(daemon.logFile)}`);
  });

test('an authority of its own signs what every server needs, and clients verify it with platform-ca', async () => {
  for (const object of issuerSpecs(inputs)) await apply(object as unknown as KubernetesObject);
  const outs = await issued();
  const authority = new X509Certificate(outs.ca);
  expect(authority.ca).toBe(true);
  expect((await secret('platform-ca'))['ca.crt']).toBe(outs.ca);
  for (const { secret: name, dnsNames } of inputs.requests) {
    const data = await secret(name);
    expect(Object.keys(data).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    expect(data['tls.key']).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    const certificate = parseCertificate(data['tls.crt'])!;
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.subjectAltName).toBe(dnsNames.map((dnsName) => `DNS:${dnsName}`).join(', '));
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(certificate.keyUsage?.sort()).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 86_400_000;
    expect(days).toBe(365);
    expect(outs.issued[name]!.notAfter).toBe(new Date(certificate.validTo).toISOString());
  }
});

test('another name makes cert-manager issue again, with another key, and only that certificate', async () => {
  const before = await issued();
  const keyBefore = (await secret('minio-tls'))['tls.key'];
  const [redis, minio] = inputs.requests;
  const more = {
    ...inputs,
    requests: [redis!, { ...minio!, dnsNames: [...minio!.dnsNames, 'minio.example.org'] }],
  };
  for (const object of issuerSpecs(more)) await apply(object as unknown as KubernetesObject);
  const after = await ensure(more);
  expect(after.ca).toBe(before.ca);
  expect(after.issued['redis-tls']).toEqual(before.issued['redis-tls']);
  expect(after.issued['minio-tls']!.fingerprint).not.toBe(before.issued['minio-tls']!.fingerprint);
  expect((await secret('minio-tls'))['tls.key']).not.toBe(keyBefore);
});

test('an issuer of somebody else signs too', async () => {
  const issuerRef = { kind: 'Issuer' as const, name: 'platform-ca' };
  const other = { ...inputs, requests: [{ secret: 'other-tls', dnsNames: ['other'] }] };
  const objects = issuerSpecs({ ...other, issuerRef });
  expect(objects.map(({ kind }) => kind)).toEqual(['Certificate']);
  for (const object of objects) await apply(object as unknown as KubernetesObject);
  const outs = await ensure({ ...other, caSecret: 'other-ca' });
  expect((await secret('other-ca'))['ca.crt']).toBe(outs.ca);
  expect(Object.keys(outs.issued)).toEqual(['other-tls']);
});
