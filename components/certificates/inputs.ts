import type { CertificateRequest } from './request';

/** Who signs the servers' certificates. */
export type CertificateIssuer = 'stack' | 'cert-manager';

/** Inputs of the dynamic resource, as they stand in Pulumi's state. */
export interface CertificatesInputs {
  readonly namespace: string;
  readonly issuer: CertificateIssuer;
  readonly requests: readonly CertificateRequest[];
  /** Secret that clients read the authority from, key `ca.crt`. */
  readonly caSecret: string;
  /** Days from the issue of a certificate to its end. */
  readonly validDays: number;
  /** Days before its end from which on an update makes a new one. */
  readonly renewBeforeDays: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
  /** URN that diagnostics are shown under. */
  readonly reportTo: string;
}

/** One certificate in the cluster. */
export interface IssuedCertificate {
  /** SHA-256 of the PEM text. */
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly notAfter: string;
}
