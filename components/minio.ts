import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { generatedPassword } from './credential';
import { MinioArgs } from './minio-args';
import { declareMinioLogin } from './minio-login';
import { MinioRootAccess } from './minio-root-access';
import { MinioRole, MinioSpec, minioSpec } from './minio-spec';
import { CERTIFICATE_ANNOTATION, withPodAnnotations } from './pod-annotations';

export type { MinioArgs } from './minio-args';

/**
 * MinIO, the platform's object storage: one server, or at least four with erasure coding; needs the namespace.
 * In mode distributed each server may fail without loss, and writes go on while `disruptionBudget` servers are away. A
 * server that stops answers 499 to what it is working on, which clients repeat as they do 503.
 *
 * Logins: `admin` (everything, for the platform itself), `owner` (buckets and their settings, for migrations), `app`
 * (objects of `appBuckets`), `readonly` (reads them), `backup` (reads everything), `monitor` (metrics, with a `token`), and where
 * wanted `replica` (another MinIO, which copies its buckets here). A
 * rotation leaves the key before it valid until the next one, and restarts nothing. The root user only makes `admin` and is
 * then refused: the servers trust each other by its password, so they would all have to stop at once to change it.
 * @see https://github.com/minio/minio/blob/master/docs/distributed/README.md
 * @see https://github.com/minio/minio/blob/master/docs/multi-user/README.md
 */
export class Minio extends pulumi.ComponentResource {
  /** Service of the S3 API. */
  readonly host: string;
  readonly port: number;
  /** S3 endpoint for applications, with path-style addressing. */
  readonly url: string;
  /** Secrets with the keys `accessKey` and `secretKey`; `app` and `readonly` are undefined without `appBuckets`. */
  readonly loginSecrets: Readonly<Partial<Record<MinioRole, pulumi.Output<string>>>>;
  /** The StatefulSet: depend on it to use MinIO. */
  readonly workload: k8s.apps.v1.StatefulSet;

  constructor(name: string, args: MinioArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Minio', name, {}, opts);
    const spec = minioSpec(args);
    const secret = this.declareRootSecret(name, spec.rootSecret);
    const account = new k8s.core.v1.ServiceAccount(name, spec.serviceAccount, { parent: this });
    const configs = Object.entries({ audit: spec.auditConfig, trusted: spec.trustedConfig }).flatMap(
      ([what, config]) =>
        config ? [new k8s.core.v1.ConfigMap(`${name}-${what}`, config, { parent: this })] : [],
    );
    const nodes = new k8s.core.v1.Service(`${name}-nodes`, spec.services.nodes, { parent: this });
    const certificate = { [CERTIFICATE_ANNOTATION]: args.certificateFingerprint };
    this.workload = new k8s.apps.v1.StatefulSet(name, withPodAnnotations(spec.statefulSet, certificate), {
      parent: this,
      dependsOn: [secret, account, nodes, ...configs],
      customTimeouts: { create: '15m', update: '30m', delete: '10m' },
    });
    const client = new k8s.core.v1.Service(name, spec.services.client, {
      parent: this,
      dependsOn: this.workload,
    });
    if (spec.disruptionBudget) {
      new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, spec.disruptionBudget, { parent: this });
    }
    this.host = spec.endpoints.host;
    this.port = spec.endpoints.port;
    this.url = spec.endpoints.url;
    this.loginSecrets = this.declareLogins(name, spec, client);
    this.registerOutputs({
      host: this.host,
      port: this.port,
      url: this.url,
      loginSecrets: this.loginSecrets,
    });
  }

  private declareRootSecret(name: string, { rootUser, ...secret }: MinioSpec['rootSecret']) {
    const stringData = { rootUser, rootPassword: generatedPassword(`${name}-root`, this) };
    return new k8s.core.v1.Secret(`${name}-root`, { ...secret, stringData }, { parent: this });
  }

  /** Names of the Secrets, known once MinIO knows the users. */
  private declareLogins(name: string, { logins, rootAccess }: MinioSpec, service: pulumi.Resource) {
    const { admin: adminSpec, ...others } = logins;
    const admin = declareMinioLogin(`${name}-admin`, adminSpec, { parent: this, dependsOn: [service] });
    const options = { parent: this, dependsOn: [service, admin] };
    new MinioRootAccess(`${name}-root-access`, rootAccess, options);
    const secrets = Object.entries(others).map(
      ([role, spec]) => [role, declareMinioLogin(`${name}-${role}`, spec, options)] as const,
    );
    return Object.fromEntries(
      [['admin', admin] as const, ...secrets].map(([role, { metadata }]) => [role, metadata.name]),
    ) as Partial<Record<MinioRole, pulumi.Output<string>>>;
  }
}
