/** Makes, checks and renews the servers' certificates; private keys live in Kubernetes Secrets and never in the state. */
import type { dynamic } from '@pulumi/pulumi';
import { canonicalJson } from '../../migrations/engine/canonical-json';
import { KubernetesCluster } from '../../migrations/kubernetes/cluster';
import { reportUnder } from '../../migrations/provider/diagnostics';
import { checksum, labels } from '../metadata';
import type { CertificatesInputs, IssuedCertificate } from './inputs';
import type { CertificateRequest } from './request';
import { dnsNamesOf, endOf, issueCertificate, type KeyPair, newAuthority, parseCertificate } from './x509';

interface Outputs {
  /** PEM of the authority. */
  readonly ca: string;
  readonly issued: Readonly<Record<string, IssuedCertificate>>;
}

type State = CertificatesInputs & Outputs;

const FIELD_MANAGER = 'agent-data-platform-certificates';
const AUTHORITY_DAYS = 3650;
const DAY_MS = 24 * 3600 * 1000;
const ISSUE_DEADLINE_MS = 120_000;
const POLL_MS = 1000;

/** Makes what is missing, renews what is due, and leaves the rest as it is. */
export async function ensure(inputs: CertificatesInputs): Promise<State> {
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const secrets = new Secrets(cluster, inputs);
  const obtain =
    inputs.issuer === 'stack' ? ownCertificates(inputs, secrets) : issuedByOthers(inputs, secrets);
  const { ca, certificates } = await obtain;
  await secrets.put(inputs.caSecret, 'Opaque', { 'ca.crt': ca });
  const issued = Object.fromEntries(
    certificates.map(([secret, pem]) => [
      secret,
      { fingerprint: checksum(pem), notAfter: endOf(parseCertificate(pem)!).toISOString() },
    ]),
  );
  return { ...inputs, ca, issued };
}

interface Obtained {
  readonly ca: string;
  /** Secret and PEM of each certificate. */
  readonly certificates: readonly (readonly [string, string])[];
}

async function ownCertificates(inputs: CertificatesInputs, secrets: Secrets): Promise<Obtained> {
  const authority = await ensureAuthority(inputs, secrets);
  const certificates: [string, string][] = [];
  for (const request of inputs.requests) {
    const found = (await secrets.get(request.secret))?.['tls.crt'];
    if (found && fault(found, request, inputs, authority.certificate) === undefined) {
      certificates.push([request.secret, found]);
      continue;
    }
    const validity = { from: new Date(), days: inputs.validDays };
    const { certificate, privateKey } = await issueCertificate(
      authority,
      request.dnsNames,
      validity,
      request.keyType,
    );
    await secrets.put(request.secret, 'kubernetes.io/tls', {
      'tls.crt': certificate,
      'tls.key': privateKey,
      'ca.crt': authority.certificate,
    });
    certificates.push([request.secret, certificate]);
  }
  return { ca: authority.certificate, certificates };
}

async function ensureAuthority(inputs: CertificatesInputs, secrets: Secrets): Promise<KeyPair> {
  const name = `${inputs.caSecret}-key`;
  const found = await secrets.get(name);
  if (found) {
    const certificate = parseCertificate(found['tls.crt']);
    if (certificate?.ca && found['tls.key']) {
      return { certificate: found['tls.crt']!, privateKey: found['tls.key'] };
    }
    throw new Error(
      `Secret ${inputs.namespace}/${name} holds no certificate authority; restore it, or delete it and every client's copy of the old one.`,
    );
  }
  const authority = await newAuthority(`${inputs.namespace} authority`, {
    from: new Date(),
    days: AUTHORITY_DAYS,
  });
  await secrets.put(name, 'kubernetes.io/tls', {
    'tls.crt': authority.certificate,
    'tls.key': authority.privateKey,
  });
  return authority;
}

/** Waits for the Secrets that cert-manager writes. */
async function issuedByOthers(inputs: CertificatesInputs, secrets: Secrets): Promise<Obtained> {
  const deadline = Date.now() + ISSUE_DEADLINE_MS;
  let ca: string | undefined;
  const certificates: [string, string][] = [];
  for (const request of inputs.requests) {
    for (;;) {
      const data = await secrets.get(request.secret);
      const found = data?.['tls.crt'];
      const why = found ? fault(found, request, inputs, data['ca.crt']) : 'does not exist';
      if (found && why === undefined) {
        ca ??= data['ca.crt'];
        certificates.push([request.secret, found]);
        break;
      }
      if (Date.now() > deadline) {
        throw new Error(
          `Certificate ${inputs.namespace}/${request.secret} ${why} after ${ISSUE_DEADLINE_MS / 1000} s; see \`kubectl describe certificate ${request.secret}\`.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  if (!ca) throw new Error('The issuer gives no ca.crt; use one whose Secrets have it.');
  return { ca, certificates };
}

/** Why a certificate must be made again; undefined when it need not. */
function fault(
  pem: string,
  { dnsNames, keyType = 'ec' }: CertificateRequest,
  { renewBeforeDays }: CertificatesInputs,
  ca: string | undefined,
): string | undefined {
  const certificate = parseCertificate(pem);
  const authority = parseCertificate(ca);
  if (!certificate) return 'is no certificate';
  if (!authority || !certificate.verify(authority.publicKey)) return 'is of another authority';
  const names = new Set(dnsNamesOf(certificate));
  const missing = dnsNames.filter((name) => !names.has(name));
  if (missing.length > 0) return `lacks ${missing.join(', ')}`;
  if (certificate.publicKey.asymmetricKeyType !== keyType) return `has no key of type ${keyType}`;
  return isDue(endOf(certificate), renewBeforeDays) ? 'ends soon' : undefined;
}

function isDue(notAfter: Date, renewBeforeDays: number): boolean {
  return notAfter.getTime() - renewBeforeDays * DAY_MS < Date.now();
}

/** Secrets of one namespace. */
class Secrets {
  constructor(
    private readonly cluster: KubernetesCluster,
    private readonly inputs: Pick<CertificatesInputs, 'namespace'>,
  ) {}

  get(name: string): Promise<Record<string, string> | undefined> {
    return this.cluster.secret(this.inputs.namespace, name);
  }

  async put(name: string, type: string, data: Record<string, string>): Promise<void> {
    const { namespace } = this.inputs;
    const metadata = { name, namespace, labels: labels({ name: 'certificates' }) };
    await this.cluster.apply(
      { apiVersion: 'v1', kind: 'Secret', metadata, type, stringData: data },
      { fieldManager: FIELD_MANAGER, force: true },
    );
  }

  async delete(name: string): Promise<void> {
    await this.cluster.delete('v1', 'Secret', this.inputs.namespace, name);
  }
}

/** Compares with the state alone: a preview need not reach the cluster. */
async function diff(_id: string, olds: State, news: CertificatesInputs): Promise<dynamic.DiffResult> {
  if (olds.namespace !== news.namespace) return { changes: true, replaces: ['namespace'] };
  const due = news.requests.flatMap(({ secret }) => {
    const issued = olds.issued[secret];
    if (!issued) return [`${secret}: to be made`];
    const ends = new Date(issued.notAfter);
    return isDue(ends, news.renewBeforeDays)
      ? [`${secret}: valid until ${issued.notAfter}, to be renewed`]
      : [];
  });
  if (due.length > 0) await reportUnder(news.reportTo)('info', due.join('\n'));
  const { ca: _ca, issued: _issued, ...before } = withoutCode(olds);
  return { changes: due.length > 0 || canonicalJson(before) !== canonicalJson(withoutCode(news)) };
}

/** Pulumi hands inputs and state over together with the provider's own code. */
function withoutCode<T extends object>(inputs: T): T {
  const { __provider: _provider, ...rest } = inputs as T & { __provider?: string };
  return rest as T;
}

/** Forgets certificates that are no longer in the cluster, so that the next update makes them again. */
async function read(id: string, props: State): Promise<dynamic.ReadResult> {
  const secrets = new Secrets(KubernetesCluster.load({ context: props.context }), props);
  const entries: [string, IssuedCertificate][] = [];
  for (const [secret, issued] of Object.entries(props.issued)) {
    const pem = (await secrets.get(secret))?.['tls.crt'];
    if (pem && checksum(pem) === issued.fingerprint) entries.push([secret, issued]);
  }
  return { id, props: { ...props, issued: Object.fromEntries(entries) } };
}

async function update(_id: string, olds: State, news: CertificatesInputs): Promise<dynamic.UpdateResult> {
  const outs = await ensure(withoutCode(news));
  const secrets = new Secrets(KubernetesCluster.load({ context: news.context }), news);
  for (const secret of Object.keys(olds.issued)) if (!(secret in outs.issued)) await secrets.delete(secret);
  return { outs };
}

async function remove(_id: string, props: State): Promise<void> {
  const secrets = new Secrets(KubernetesCluster.load({ context: props.context }), props);
  for (const name of [...Object.keys(props.issued), props.caSecret, `${props.caSecret}-key`]) {
    await secrets.delete(name);
  }
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: async (inputs) => ({ id: inputs.namespace, outs: await ensure(withoutCode(inputs)) }),
  diff,
  read,
  update,
  delete: remove,
};
