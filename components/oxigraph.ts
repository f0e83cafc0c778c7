import * as pulumi from '@pulumi/pulumi';
import type * as k8s from '@pulumi/kubernetes';
import type { OxigraphArgs } from './oxigraph-args';
import { oxigraphRoles, oxigraphSpec } from './oxigraph-spec';
import { declareProxiedStore } from './proxied-store';

export type { OxigraphArgs } from './oxigraph-args';

/**
 * Oxigraph, the platform's SPARQL 1.1 store: one server behind an authenticating proxy, with a Service for queries and
 * updates and another one that takes queries only; needs the namespace.
 * @see https://github.com/oxigraph/oxigraph/blob/main/cli/README.md
 */
export class Oxigraph extends pulumi.ComponentResource {
  /** Service of `/query`, `/update` and `/store`. */
  readonly host: string;
  /** Service of `/query` alone. */
  readonly readOnlyHost: string;
  /** Port of both. */
  readonly port: number;
  /** Secrets with the keys `username` and `password`, by role. */
  readonly secrets: Readonly<Record<(typeof oxigraphRoles)[number], pulumi.Output<string>>>;
  /** The StatefulSet: depend on it to use Oxigraph. */
  readonly workload: k8s.apps.v1.StatefulSet;

  constructor(name: string, args: OxigraphArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Oxigraph', name, {}, opts);
    const { endpoints, ...spec } = oxigraphSpec(args);
    const { workload, secretNames } = declareProxiedStore(name, spec, this);
    this.host = endpoints.host;
    this.readOnlyHost = endpoints.readOnlyHost;
    this.port = endpoints.port;
    this.secrets = secretNames as Oxigraph['secrets'];
    this.workload = workload;
    this.registerOutputs({
      host: this.host,
      readOnlyHost: this.readOnlyHost,
      port: this.port,
      secrets: this.secrets,
    });
  }
}
