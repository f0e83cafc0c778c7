import * as pulumi from '@pulumi/pulumi';
import type * as k8s from '@pulumi/kubernetes';
import type { OxigraphArgs } from './oxigraph-args';
import { oxigraphRoles, oxigraphSpec } from './oxigraph-spec';
import { declareProxiedStore } from './proxied-store';

export type { OxigraphArgs } from './oxigraph-args';

/**
 * Oxigraph, the platform's SPARQL 1.1 store: one server behind an authenticating proxy, with a Service for queries and
 * updates and another one that takes queries only; needs the namespace. Roles: `owner` may do everything, `app` what
 * `applicationAccess` says, `readonly` query at the read-only endpoint, `backup` also download graphs there, `monitor` ask
 * for `/health`. A rotation adds a second user per role, such as `app-b`, and the next one replaces the first; neither it
 * nor a new certificate restarts anything.
 * @see https://github.com/oxigraph/oxigraph/blob/main/cli/README.md
 */
export class Oxigraph extends pulumi.ComponentResource {
  /** Service of `/query`, `/update` and `/store`. */
  readonly host: string;
  /** Service of `/query` alone. */
  readonly readOnlyHost: string;
  /** Port of both. */
  readonly port: number;
  /** `https` with a certificate. */
  readonly protocol: 'http' | 'https';
  /** Secrets with the keys `username` and `password`, by role. */
  readonly secrets: Readonly<Record<(typeof oxigraphRoles)[number], pulumi.Output<string>>>;
  /** The StatefulSet: depend on it to use Oxigraph. */
  readonly workload: k8s.apps.v1.StatefulSet;

  constructor(name: string, args: OxigraphArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Oxigraph', name, {}, opts);
    const { endpoints, rotation, ...spec } = oxigraphSpec(args);
    const { context } = args;
    const { workload, secretNames } = declareProxiedStore(name, { spec, rotation, context }, this);
    this.protocol = endpoints.protocol;
    this.host = endpoints.host;
    this.readOnlyHost = endpoints.readOnlyHost;
    this.port = endpoints.port;
    this.secrets = secretNames as Oxigraph['secrets'];
    this.workload = workload;
    this.registerOutputs({
      protocol: this.protocol,
      host: this.host,
      readOnlyHost: this.readOnlyHost,
      port: this.port,
      secrets: this.secrets,
    });
  }
}
