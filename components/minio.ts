import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { MinioArgs } from './minio-args';
import { MinioSpec, minioSpec } from './minio-spec';
import { MinioUser } from './minio-user';
import { generatedPassword } from './password';

export type { MinioArgs } from './minio-args';

/**
 * MinIO, the platform's object storage: one server, or at least four with erasure coding; needs the namespace.
 * In mode distributed each server may fail without loss, and writes go on while `disruptionBudget` servers are away.
 * @see https://github.com/minio/minio/blob/master/docs/distributed/README.md
 */
export class Minio extends pulumi.ComponentResource {
  /** Service of the S3 API. */
  readonly host: string;
  readonly port: number;
  /** S3 endpoint for applications, with path-style addressing. */
  readonly url: string;
  /** Secret with the keys `rootUser` and `rootPassword`: for administration, not for applications. */
  readonly rootSecret: pulumi.Output<string>;
  /** Secret with the keys `accessKey` and `secretKey` of applications; undefined without `appBuckets`. */
  readonly appSecret: pulumi.Output<string> | undefined;
  /** The StatefulSet: depend on it to use MinIO. */
  readonly workload: k8s.apps.v1.StatefulSet;

  constructor(name: string, args: MinioArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Minio', name, {}, opts);
    const spec = minioSpec(args);
    const secret = this.declareRootSecret(name, spec.rootSecret);
    const nodes = new k8s.core.v1.Service(`${name}-nodes`, spec.services.nodes, { parent: this });
    this.workload = new k8s.apps.v1.StatefulSet(name, spec.statefulSet, {
      parent: this,
      dependsOn: [secret, nodes],
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
    this.rootSecret = secret.metadata.name;
    this.appSecret = spec.appUser && this.declareAppUser(name, spec.appUser, [client]);
    this.registerOutputs({
      host: this.host,
      port: this.port,
      url: this.url,
      rootSecret: this.rootSecret,
      appSecret: this.appSecret,
    });
  }

  private declareRootSecret(name: string, { rootUser, ...secret }: MinioSpec['rootSecret']) {
    const stringData = { rootUser, rootPassword: generatedPassword(`${name}-root`, this) };
    return new k8s.core.v1.Secret(`${name}-root`, { ...secret, stringData }, { parent: this });
  }

  /** Name of the Secret, known once MinIO knows the user. */
  private declareAppUser(
    name: string,
    spec: NonNullable<MinioSpec['appUser']>,
    dependsOn: pulumi.Resource[],
  ): pulumi.Output<string> {
    const { accessKey, ...rest } = spec.secret;
    const stringData = { accessKey, secretKey: generatedPassword(`${name}-app`, this) };
    const secret = new k8s.core.v1.Secret(`${name}-app`, { ...rest, stringData }, { parent: this });
    const user = new MinioUser(`${name}-app-user`, spec.user, {
      parent: this,
      dependsOn: [secret, ...dependsOn],
    });
    return user.id.apply(() => rest.metadata.name);
  }
}
