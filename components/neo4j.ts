import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { type Credential, credential } from './credential';
import type { Neo4jArgs } from './neo4j-args';
import { type Neo4jSpec, neo4jSpec } from './neo4j-spec';
import { Neo4jUser } from './neo4j-user';
import { CERTIFICATE_ANNOTATION, withPodAnnotations } from './pod-annotations';

export type { Neo4jArgs } from './neo4j-args';

/**
 * Neo4j, the platform's graph: one server of Community, or an Enterprise cluster of primaries; needs the namespace.
 * A cluster loses no acknowledged write, and takes writes while a majority of its servers is there.
 * Logins: `admin` (administration and changes) and `app`; in Enterprise also `readonly`, `backup` (reads everything) and
 * `monitor` (no data). Community has no roles: each of its users may do everything. A rotation adds a second user per login,
 * such as `platform_app-b`, and the next one replaces the password of the first. A new certificate restarts the servers one
 * by one; a single one is away for its start.
 * @see https://neo4j.com/docs/operations-manual/5/
 */
export class Neo4j extends pulumi.ComponentResource {
  /** Service of the Bolt protocol. */
  readonly host: string;
  readonly port: number;
  /** URI for drivers, such as `neo4j+s://neo4j.data.svc:7687`. */
  readonly uri: string;
  /** Secrets with the keys `username` and `password`, by login, known once Neo4j knows the user. */
  readonly secrets: Readonly<Record<string, pulumi.Output<string>>>;
  /** The StatefulSet: depend on it to use Neo4j. */
  readonly workload: k8s.apps.v1.StatefulSet;

  /** @param certificateFingerprint Changes with the certificate in `tlsSecret`. */
  constructor(
    name: string,
    args: Neo4jArgs & { readonly certificateFingerprint?: pulumi.Input<string> },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('agent-data-platform:data:Neo4j', name, {}, opts);
    const { certificateFingerprint, ...rest } = args;
    const spec = neo4jSpec(rest);
    const credentials = Object.fromEntries(
      Object.keys(spec.users).map((role) => [role, credential(`${name}-${role}`, spec.rotation, this)]),
    );
    const logins = this.declareLogins(name, spec, credentials);
    const account = new k8s.core.v1.ServiceAccount(name, spec.serviceAccount, { parent: this });
    const servers = new k8s.core.v1.Service(`${name}-servers`, spec.services.servers, { parent: this });
    const annotated = withPodAnnotations(spec.statefulSet, {
      [CERTIFICATE_ANNOTATION]: certificateFingerprint,
    });
    this.workload = new k8s.apps.v1.StatefulSet(name, annotated, {
      parent: this,
      dependsOn: [logins, account, servers],
      customTimeouts: { create: '20m', update: '45m', delete: '10m' },
    });
    const client = new k8s.core.v1.Service(name, spec.services.client, {
      parent: this,
      dependsOn: this.workload,
    });
    if (spec.disruptionBudget) {
      new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, spec.disruptionBudget, { parent: this });
    }
    this.secrets = this.declareUsers(name, spec, credentials, [logins, client]);
    this.host = spec.endpoints.host;
    this.port = spec.endpoints.port;
    this.uri = spec.endpoints.uri;
    this.registerOutputs({ host: this.host, port: this.port, uri: this.uri, secrets: this.secrets });
  }

  /** Every user's password, for the first start of a server and for the provider that sets them. */
  private declareLogins(name: string, spec: Neo4jSpec, credentials: Readonly<Record<string, Credential>>) {
    const stringData: Record<string, pulumi.Input<string>> = {};
    for (const [role, { current, previous }] of Object.entries(spec.users)) {
      const passwords = credentials[role]!;
      stringData[current] = passwords.current;
      if (previous !== undefined) stringData[previous] = passwords.previous!;
    }
    return new k8s.core.v1.Secret(`${name}-logins`, { ...spec.logins, stringData }, { parent: this });
  }

  /** The users, and after each the Secret that it is handed out in. */
  private declareUsers(
    name: string,
    spec: Neo4jSpec,
    credentials: Readonly<Record<string, Credential>>,
    dependsOn: pulumi.Resource[],
  ): Neo4j['secrets'] {
    const secrets = Object.entries(spec.users).map(([role, { inputs, secret, current }]) => {
      const user = new Neo4jUser(`${name}-${role}-user`, inputs, { parent: this, dependsOn });
      const stringData = { username: current, password: credentials[role]!.current };
      const options = { parent: this, dependsOn: user };
      return [
        role,
        new k8s.core.v1.Secret(`${name}-${role}`, { ...secret, stringData }, options).metadata.name,
      ];
    });
    return Object.fromEntries(secrets) as Neo4j['secrets'];
  }
}
