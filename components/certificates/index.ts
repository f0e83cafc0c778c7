import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../../migrations/provider/compiled-resource';
import { type IssuerReference, issuerSpecs } from './cert-manager-spec';
import type { CertificateIssuer, CertificatesInputs, IssuedCertificate } from './inputs';
import type { CertificateRequest } from './request';

/** Arguments of {@link Certificates}. */
export interface CertificatesArgs {
  readonly namespace: string;
  /** `stack`: an authority of the stack's own, made once; `cert-manager`: the operator of the cluster signs. */
  readonly issuer: CertificateIssuer;
  /** With `cert-manager`: who signs; default an authority that cert-manager makes in the namespace. */
  readonly issuerRef?: IssuerReference;
  readonly requests: readonly CertificateRequest[];
  /** Days from the issue of a certificate to its end; default 365. */
  readonly validDays?: number;
  /** Days before its end from which on an update makes a new one; default a third of `validDays`. */
  readonly renewBeforeDays?: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/** Secret that clients read the authority from. */
export const CA_SECRET = 'platform-ca';

const TYPE = 'kubernetes:Certificates';

const compiled: CompiledProvider = {
  module: 'components/certificates/provider',
  methods: ['create', 'diff', 'read', 'update', 'delete'],
};

class IssuedCertificates extends CompiledResource {
  declare readonly ca: pulumi.Output<string>;
  declare readonly issued: pulumi.Output<Readonly<Record<string, IssuedCertificate>>>;

  constructor(
    name: string,
    inputs: Omit<CertificatesInputs, 'reportTo'>,
    opts: pulumi.CustomResourceOptions,
  ) {
    const reportTo = pulumi.createUrn(name, `pulumi-nodejs:dynamic/${TYPE}`, opts.parent);
    super(compiled, TYPE, name, { ...inputs, reportTo, ca: undefined, issued: undefined }, opts);
  }
}

/**
 * The certificates of every server, as Secrets; their private keys never enter the state. Needs the namespace.
 * A certificate that ends soon is shown in a preview and renewed by the next update, which restarts its server's pods one by one.
 * @see https://cert-manager.io/docs/usage/certificate/
 */
export class Certificates extends pulumi.ComponentResource {
  /** PEM of the authority that clients verify servers with. */
  readonly ca: pulumi.Output<string>;
  /** Depend on it to mount the Secrets. */
  readonly ready: pulumi.Resource;
  private readonly issued: IssuedCertificates['issued'];

  constructor(name: string, args: CertificatesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:security:Certificates', name, {}, opts);
    const { namespace, issuer, requests, context, validDays = 365 } = args;
    const renewBeforeDays = args.renewBeforeDays ?? Math.floor(validDays / 3);
    const resolved = { namespace, issuer, requests, validDays, renewBeforeDays, caSecret: CA_SECRET };
    const objects = issuer === 'cert-manager' ? issuerSpecs({ ...resolved, issuerRef: args.issuerRef }) : [];
    let dependsOn: pulumi.Resource[] = [];
    for (const object of objects) {
      const resource = new k8s.apiextensions.CustomResource(`${name}-${object.metadata.name}`, object, {
        parent: this,
        dependsOn,
      });
      dependsOn = [...dependsOn, resource];
    }
    const certificates = new IssuedCertificates(
      name,
      { ...resolved, ...(context ? { context } : {}) },
      { parent: this, dependsOn },
    );
    this.ca = certificates.ca;
    this.ready = certificates;
    this.issued = certificates.issued;
    this.registerOutputs({ ca: this.ca });
  }

  /** Changes with the certificate in a Secret, for the annotation of the pods that mount it. */
  fingerprint(secret: string): pulumi.Output<string> {
    return this.issued.apply((issued) => issued[secret]!.fingerprint);
  }
}
