import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { ElasticsearchArgs } from './elasticsearch-args';
import {
  type ElasticsearchLogin,
  elasticsearchSpec,
  type ElasticsearchSpec,
  elasticsearchUsers,
} from './elasticsearch-spec';
import { generatedPassword } from './password';

export type { ElasticsearchArgs } from './elasticsearch-args';

const logins = Object.keys(elasticsearchUsers) as ElasticsearchLogin[];

/**
 * Elasticsearch by the ECK operator, with TLS and one login each for applications, readers and migrations; needs the
 * operator and the namespace. Volumes stay when it is deleted.
 * @see https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s
 */
export class Elasticsearch extends pulumi.ComponentResource {
  /** Service of the HTTPS API. */
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Secrets with the keys `username` and `password`. */
  readonly loginSecrets: Readonly<Record<ElasticsearchLogin, pulumi.Output<string>>>;
  /** Secret with the certificate authority of the API, under `ca.crt`. */
  readonly caSecret: pulumi.Output<string>;
  /** The Elasticsearch object: depend on it to use the cluster. */
  readonly cluster: k8s.apiextensions.CustomResource;

  constructor(name: string, args: ElasticsearchArgs, opts?: pulumi.ComponentResourceOptions) {
    const spec = elasticsearchSpec(args);
    super('agent-data-platform:data:Elasticsearch', name, {}, opts);
    const secrets = logins.map((login) => this.declareLogin(name, login, spec));
    this.cluster = new k8s.apiextensions.CustomResource(`${name}-cluster`, spec.cluster, {
      parent: this,
      dependsOn: secrets,
      // A rolling update restarts the nodes one by one and waits for their shards.
      customTimeouts: { create: '20m', update: '60m', delete: '10m' },
    });
    this.host = spec.endpoints.host;
    this.port = spec.endpoints.port;
    this.url = spec.endpoints.url;
    this.loginSecrets = Object.fromEntries(
      logins.map((login, index) => [login, secrets[index]!.metadata.name]),
    ) as Record<ElasticsearchLogin, pulumi.Output<string>>;
    // The operator makes this Secret, so its name only counts once the cluster is ready.
    this.caSecret = this.cluster.id.apply(() => spec.caSecret);
    this.registerOutputs({
      host: this.host,
      port: this.port,
      url: this.url,
      loginSecrets: this.loginSecrets,
      caSecret: this.caSecret,
    });
  }

  private declareLogin(name: string, login: ElasticsearchLogin, spec: ElasticsearchSpec) {
    const { username, roles, ...secret } = spec.users[login];
    const stringData = { username, roles, password: generatedPassword(`${name}-${login}`, this) };
    return new k8s.core.v1.Secret(`${name}-${login}`, { ...secret, stringData }, { parent: this });
  }
}
