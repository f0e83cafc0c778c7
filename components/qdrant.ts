import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { apiKeys } from './qdrant-api-keys';
import { CERTIFICATE_ANNOTATION, withPodAnnotations } from './pod-annotations';
import { QdrantArgs } from './qdrant-args';
import { type QdrantAccess, QdrantLogins, loginToken } from './qdrant-logins';
import { type QdrantLogin, QdrantSpec, qdrantSpec } from './qdrant-spec';

export type { QdrantArgs } from './qdrant-args';

/**
 * Qdrant, the platform's vector search: one server, or at least three Raft peers; needs the namespace.
 *
 * What is kept: with peers, a write that was acknowledged is on `writeConsistencyFactor` of them, so it survives the loss
 * of one fewer; writes and reads go on while fewer than half of the peers, and of the copies of a shard, are away. A
 * server alone keeps acknowledged writes on its volume.
 *
 * Logins are signed tokens: `app` (points of `appCollections`), `readonly` (reads them), `backup` (makes snapshots, for which
 * Qdrant asks for writing), `monitor` (metrics, for which Qdrant asks for reading everything). A rotation leaves the token
 * before it valid until the next one, and restarts nothing. The API key, which may do everything, is the platform's alone; it
 * signs the tokens. Two steps replace it, each of which restarts one peer after the other; tokens that the old key signed are
 * valid until the step after them.
 * @see https://qdrant.tech/documentation/guides/distributed_deployment/
 * @see https://qdrant.tech/documentation/guides/security/
 */
export class Qdrant extends pulumi.ComponentResource {
  /** Service of the REST and gRPC APIs. */
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  /** URL of the REST API. */
  readonly url: string;
  /** Secret whose key `apiKey` may do everything. */
  readonly apiKeySecret: pulumi.Output<string>;
  /** Secrets whose key `apiKey` is a token; `app` and `readonly` are undefined without `appCollections`. */
  readonly loginSecrets: Readonly<Partial<Record<QdrantLogin, pulumi.Output<string>>>>;
  /** Depend on it to use Qdrant. */
  readonly workload: k8s.apps.v1.StatefulSet;

  constructor(name: string, args: QdrantArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Qdrant', name, {}, opts);
    const spec = qdrantSpec(args);
    const stringData = apiKeys(`${name}-api-key`, args.apiKeyStep ?? 1, this);
    const secret = new k8s.core.v1.Secret(
      `${name}-api-key`,
      { ...spec.apiKeySecret, stringData },
      { parent: this },
    );
    const account = new k8s.core.v1.ServiceAccount(name, spec.serviceAccount, { parent: this });
    const config = new k8s.core.v1.ConfigMap(`${name}-config`, spec.configMap, { parent: this });
    const nodes = new k8s.core.v1.Service(`${name}-nodes`, spec.services.nodes, { parent: this });
    const certificate = { [CERTIFICATE_ANNOTATION]: args.certificateFingerprint };
    this.workload = new k8s.apps.v1.StatefulSet(name, withPodAnnotations(spec.statefulSet, certificate), {
      parent: this,
      dependsOn: [secret, account, config, nodes],
      customTimeouts: { create: '15m', update: '45m', delete: '10m' },
    });
    const client = new k8s.core.v1.Service(name, spec.services.client, {
      parent: this,
      dependsOn: this.workload,
    });
    if (spec.disruptionBudget) {
      new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, spec.disruptionBudget, { parent: this });
    }
    this.host = spec.endpoints.host;
    this.httpPort = spec.endpoints.httpPort;
    this.grpcPort = spec.endpoints.grpcPort;
    this.url = spec.endpoints.url;
    this.apiKeySecret = secret.metadata.name;
    this.loginSecrets = this.declareLogins(name, spec.logins, stringData.apiKey, client);
    this.registerOutputs({
      host: this.host,
      httpPort: this.httpPort,
      grpcPort: this.grpcPort,
      url: this.url,
      apiKeySecret: this.apiKeySecret,
      loginSecrets: this.loginSecrets,
    });
  }

  /** The Secrets have a new token only once Qdrant accepts it. */
  private declareLogins(
    name: string,
    { access, secret, valid }: QdrantSpec['logins'],
    apiKey: pulumi.Output<string>,
    service: pulumi.Resource,
  ) {
    const dependsOn = new QdrantLogins(`${name}-logins`, valid, { parent: this, dependsOn: service });
    const declare = (login: QdrantLogin, rights: QdrantAccess) => {
      const token = apiKey.apply((key) => loginToken(key, login, valid.rotation, rights));
      const options = { parent: this, dependsOn };
      const stringData = { apiKey: token };
      return new k8s.core.v1.Secret(`${name}-${login}`, { ...secret(login), stringData }, options).metadata
        .name;
    };
    return Object.fromEntries(
      Object.entries(access).map(([login, rights]) => [login, declare(login as QdrantLogin, rights)]),
    ) as Partial<Record<QdrantLogin, pulumi.Output<string>>>;
  }
}
