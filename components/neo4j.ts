import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { Neo4jArgs } from './neo4j-args';
import { neo4jSpec } from './neo4j-spec';
import { Neo4jUser } from './neo4j-user';
import { generatedPassword } from './password';

export type { Neo4jArgs } from './neo4j-args';

/**
 * Neo4j, the platform's graph: one server of Community, or an Enterprise cluster of primaries; needs the namespace.
 * A cluster loses no acknowledged write, and takes writes while a majority of its servers is there.
 * @see https://neo4j.com/docs/operations-manual/5/
 */
export class Neo4j extends pulumi.ComponentResource {
  /** Service of the Bolt protocol. */
  readonly host: string;
  readonly port: number;
  /** URI for drivers, such as `neo4j://neo4j.data.svc:7687`. */
  readonly uri: string;
  /** Secret with the keys `username` and `password`: for administration and changes, not for applications. */
  readonly adminSecret: pulumi.Output<string>;
  /** Secret with the keys `username` and `password` of applications, known once Neo4j knows the user. */
  readonly appSecret: pulumi.Output<string>;
  /** The StatefulSet: depend on it to use Neo4j. */
  readonly workload: k8s.apps.v1.StatefulSet;

  constructor(name: string, args: Neo4jArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Neo4j', name, {}, opts);
    const spec = neo4jSpec(args);
    const admin = this.declareLogin(`${name}-admin`, spec.adminSecret);
    const app = this.declareLogin(`${name}-app`, spec.appSecret);
    const servers = new k8s.core.v1.Service(`${name}-servers`, spec.services.servers, { parent: this });
    this.workload = new k8s.apps.v1.StatefulSet(name, spec.statefulSet, {
      parent: this,
      dependsOn: [admin, servers],
      customTimeouts: { create: '20m', update: '45m', delete: '10m' },
    });
    const client = new k8s.core.v1.Service(name, spec.services.client, {
      parent: this,
      dependsOn: this.workload,
    });
    if (spec.disruptionBudget) {
      new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, spec.disruptionBudget, { parent: this });
    }
    const user = new Neo4jUser(`${name}-app-user`, spec.appUser, {
      parent: this,
      dependsOn: [admin, app, client],
    });
    this.host = spec.endpoints.host;
    this.port = spec.endpoints.port;
    this.uri = spec.endpoints.uri;
    this.adminSecret = admin.metadata.name;
    this.appSecret = user.id.apply(() => spec.appSecret.metadata.name);
    this.registerOutputs({
      host: this.host,
      port: this.port,
      uri: this.uri,
      adminSecret: this.adminSecret,
      appSecret: this.appSecret,
    });
  }

  private declareLogin(
    name: string,
    { username, ...secret }: { username: string; metadata: object; type: string },
  ) {
    const stringData = { username, password: generatedPassword(name, this) };
    return new k8s.core.v1.Secret(name, { ...secret, stringData }, { parent: this });
  }
}
