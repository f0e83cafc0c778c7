import * as pulumi from '@pulumi/pulumi';
import type * as k8s from '@pulumi/kubernetes';
import type { ChromaArgs } from './chroma-args';
import { chromaRoles, chromaSpec } from './chroma-spec';
import { declareProxiedStore } from './proxied-store';

export type { ChromaArgs } from './chroma-args';

/**
 * Chroma, an optional vector store: one server behind a proxy that asks for a token; needs the namespace. Roles: `owner`
 * may do everything, `app` work with records and the collections of projects, `readonly` read the default database,
 * `backup` read everything, `monitor` ask for `/health`. A rotation adds a second token per role, and the next one
 * replaces the first; neither it nor a new certificate restarts anything.
 * @see https://docs.trychroma.com/guides/deploy/docker
 */
export class Chroma extends pulumi.ComponentResource {
  /** Service of the API, version 2. */
  readonly host: string;
  readonly port: number;
  /** `https` with a certificate. */
  readonly protocol: 'http' | 'https';
  /** Secrets with the key `token`, by role. */
  readonly secrets: Readonly<Record<(typeof chromaRoles)[number], pulumi.Output<string>>>;
  /** The StatefulSet: depend on it to use Chroma. */
  readonly workload: k8s.apps.v1.StatefulSet;

  constructor(name: string, args: ChromaArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Chroma', name, {}, opts);
    const { endpoints, rotation, ...spec } = chromaSpec(args);
    const { context } = args;
    const { workload, secretNames } = declareProxiedStore(name, { spec, rotation, context }, this);
    this.protocol = endpoints.protocol;
    this.host = endpoints.host;
    this.port = endpoints.port;
    this.secrets = secretNames as Chroma['secrets'];
    this.workload = workload;
    this.registerOutputs({
      protocol: this.protocol,
      host: this.host,
      port: this.port,
      secrets: this.secrets,
    });
  }
}
