import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { generatedPassword } from './password';
import { QdrantArgs } from './qdrant-args';
import { QdrantSpec, qdrantSpec } from './qdrant-spec';

export type { QdrantArgs } from './qdrant-args';

/**
 * Qdrant, the platform's vector search: one server, or at least three Raft peers; needs the namespace.
 *
 * What is kept: with peers, a write that was acknowledged is on `writeConsistencyFactor` of them, so it survives the loss
 * of one fewer; writes and reads go on while fewer than half of the peers, and of the copies of a shard, are away. A
 * server alone keeps acknowledged writes on its volume.
 * @see https://qdrant.tech/documentation/guides/distributed_deployment/
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
  /** Secret whose key `apiKey` may only read. */
  readonly readOnlyApiKeySecret: pulumi.Output<string>;
  /** Depend on it to use Qdrant. */
  readonly workload: k8s.apps.v1.StatefulSet;

  constructor(name: string, args: QdrantArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Qdrant', name, {}, opts);
    const spec = qdrantSpec(args);
    const apiKey = this.declareKey(`${name}-api-key`, spec.secrets.apiKey);
    const readOnlyApiKey = this.declareKey(`${name}-read-only-api-key`, spec.secrets.readOnlyApiKey);
    const config = new k8s.core.v1.ConfigMap(`${name}-config`, spec.configMap, { parent: this });
    const nodes = new k8s.core.v1.Service(`${name}-nodes`, spec.services.nodes, { parent: this });
    this.workload = new k8s.apps.v1.StatefulSet(name, spec.statefulSet, {
      parent: this,
      dependsOn: [apiKey, readOnlyApiKey, config, nodes],
      customTimeouts: { create: '15m', update: '45m', delete: '10m' },
    });
    new k8s.core.v1.Service(name, spec.services.client, { parent: this, dependsOn: this.workload });
    if (spec.disruptionBudget) {
      new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, spec.disruptionBudget, { parent: this });
    }
    this.host = spec.endpoints.host;
    this.httpPort = spec.endpoints.httpPort;
    this.grpcPort = spec.endpoints.grpcPort;
    this.url = spec.endpoints.url;
    this.apiKeySecret = apiKey.metadata.name;
    this.readOnlyApiKeySecret = readOnlyApiKey.metadata.name;
    this.registerOutputs({
      host: this.host,
      httpPort: this.httpPort,
      grpcPort: this.grpcPort,
      url: this.url,
      apiKeySecret: this.apiKeySecret,
      readOnlyApiKeySecret: this.readOnlyApiKeySecret,
    });
  }

  private declareKey(name: string, spec: QdrantSpec['secrets']['apiKey']): k8s.core.v1.Secret {
    const stringData = { apiKey: generatedPassword(name, this) };
    return new k8s.core.v1.Secret(name, { ...spec, stringData }, { parent: this });
  }
}
