import { labels } from '../metadata';
import type { CertificatesInputs } from './inputs';
import type { KeyType } from './request';

/** Issuer of cert-manager. @see https://cert-manager.io/docs/configuration/ */
export interface IssuerReference {
  readonly kind: 'Issuer' | 'ClusterIssuer';
  readonly name: string;
}

type Args = Pick<
  CertificatesInputs,
  'namespace' | 'requests' | 'caSecret' | 'validDays' | 'renewBeforeDays'
> & { readonly issuerRef?: IssuerReference };

const API = 'cert-manager.io/v1';
const AUTHORITY_DAYS = 3650;

/** An Issuer or a Certificate. */
export interface IssuerObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Record<string, string>;
  };
  readonly spec: object;
}

/** What cert-manager is asked for, in the order of dependence: its own authority unless another signs, and the certificates. */
export function issuerSpecs(args: Args): IssuerObject[] {
  const object = (kind: string, name: string, spec: object): IssuerObject => ({
    apiVersion: API,
    kind,
    metadata: { name, namespace: args.namespace, labels: labels({ name: 'certificates' }) },
    spec,
  });
  const issuerRef = args.issuerRef ?? { kind: 'Issuer' as const, name: args.caSecret };
  const certificates = args.requests.map(({ secret, dnsNames, keyType }) =>
    object('Certificate', secret, {
      secretName: secret,
      dnsNames,
      usages: [
        'digital signature',
        ...(keyType === 'rsa' ? ['key encipherment'] : []),
        'server auth',
        'client auth',
      ],
      ...lifetime(args.validDays, args.renewBeforeDays),
      privateKey: privateKey('Always', keyType),
      issuerRef,
    }),
  );
  return [...(args.issuerRef ? [] : authority(args, object)), ...certificates];
}

function authority({ namespace, caSecret }: Args, object: (...of: [string, string, object]) => IssuerObject) {
  const selfSigned = `${caSecret}-self-signed`;
  return [
    object('Issuer', selfSigned, { selfSigned: {} }),
    object('Certificate', caSecret, {
      secretName: `${caSecret}-key`,
      isCA: true,
      commonName: `${namespace} authority`,
      ...lifetime(AUTHORITY_DAYS, AUTHORITY_DAYS / 10),
      privateKey: privateKey('Never'),
      issuerRef: { kind: 'Issuer', name: selfSigned },
    }),
    object('Issuer', caSecret, { ca: { secretName: `${caSecret}-key` } }),
  ];
}

function lifetime(days: number, renewBeforeDays: number) {
  return { duration: `${days * 24}h`, renewBefore: `${renewBeforeDays * 24}h` };
}

function privateKey(rotationPolicy: 'Always' | 'Never', keyType: KeyType = 'ec') {
  const kind = keyType === 'rsa' ? { algorithm: 'RSA', size: 3072 } : { algorithm: 'ECDSA', size: 256 };
  return { ...kind, encoding: 'PKCS8', rotationPolicy };
}
