import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { ElasticsearchArgs } from './elasticsearch-args';
import { type Credential, credential, slotOf, slotUser } from './credential';
import { ElasticsearchLogins } from './elasticsearch-logins';
import { elasticsearchSpec, type ElasticsearchSpec } from './elasticsearch-spec';
import { type ElasticsearchLogin, elasticsearchLogins } from './elasticsearch-users';
import type { PodSelector } from './network-flows';

export type { ElasticsearchArgs } from './elasticsearch-args';

/**
 * Elasticsearch by the ECK operator, with TLS and a login of its own for everybody who needs one; needs the operator
 * and the namespace. Volumes stay when it is deleted.
 * @see https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s
 */
export class Elasticsearch extends pulumi.ComponentResource {
  /** Service of the HTTPS API. */
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Secrets with the keys `username` and `password`. */
  readonly loginSecrets: Readonly<Record<ElasticsearchLogin, pulumi.Output<string>>>;
  /** The nodes. */
  readonly pods: PodSelector;
  /** Current logins, for what the platform itself runs. */
  readonly logins: Readonly<
    Record<ElasticsearchLogin, { readonly username: string; readonly password: pulumi.Output<string> }>
  >;
  /** The Elasticsearch object: depend on it to use the cluster. */
  readonly cluster: k8s.apiextensions.CustomResource;

  constructor(name: string, args: ElasticsearchArgs, opts?: pulumi.ComponentResourceOptions) {
    const spec = elasticsearchSpec(args);
    super('agent-data-platform:data:Elasticsearch', name, {}, opts);
    const parent = { parent: this };
    const passwords = Object.fromEntries(
      elasticsearchLogins.map((login) => [login, credential(`${name}-${login}`, spec.rotation, this)]),
    ) as Record<ElasticsearchLogin, Credential>;
    const realm = elasticsearchLogins.flatMap((login) =>
      this.declareUsers(name, login, spec, passwords[login]),
    );
    const roles = new k8s.core.v1.Secret(`${name}-roles`, spec.roles, parent);
    this.cluster = new k8s.apiextensions.CustomResource(`${name}-cluster`, spec.cluster, {
      ...parent,
      dependsOn: [...realm, roles],
      // A rolling update restarts the nodes one by one and waits for their shards.
      customTimeouts: { create: '20m', update: '60m', delete: '10m' },
    });
    const known = new ElasticsearchLogins(`${name}-logins`, spec.loginCheck, {
      ...parent,
      dependsOn: [...realm, this.cluster],
    });
    const handedOut = elasticsearchLogins.map((login) => {
      const { username, ...secret } = spec.logins[login].handedOut;
      const stringData = { username, password: passwords[login].current };
      return new k8s.core.v1.Secret(
        `${name}-${login}`,
        { ...secret, stringData },
        { ...parent, dependsOn: known },
      );
    });
    this.host = spec.endpoints.host;
    this.port = spec.endpoints.port;
    this.url = spec.endpoints.url;
    this.pods = spec.pods;
    this.loginSecrets = Object.fromEntries(
      elasticsearchLogins.map((login, index) => [login, handedOut[index]!.metadata.name]),
    ) as Record<ElasticsearchLogin, pulumi.Output<string>>;
    this.logins = Object.fromEntries(
      elasticsearchLogins.map((login) => [
        login,
        { username: spec.logins[login].handedOut.username, password: passwords[login].current },
      ]),
    ) as Elasticsearch['logins'];
    this.registerOutputs({
      host: this.host,
      port: this.port,
      url: this.url,
      loginSecrets: this.loginSecrets,
    });
  }

  /** The users of a login that the nodes know: that of the current password, and that of the one before it. */
  private declareUsers(
    name: string,
    login: ElasticsearchLogin,
    { logins, rotation }: ElasticsearchSpec,
    { current, previous }: Credential,
  ): k8s.core.v1.Secret[] {
    return logins[login].users.map(({ slot, username, roles, ...secret }) => {
      const password = slot === slotOf(rotation) ? current : previous!;
      const stringData = { username, roles, password };
      return new k8s.core.v1.Secret(
        `${name}-user-${slotUser(login, slot)}`,
        { ...secret, stringData },
        { parent: this },
      );
    });
  }
}
