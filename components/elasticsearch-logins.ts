import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';

/** Logins of a cluster, and where its nodes are; passwords are read from Secrets and never enter the state. */
export interface ElasticsearchLoginsInputs {
  readonly namespace: string;
  /** Name of the Elasticsearch object. */
  readonly cluster: string;
  /** Name that the nodes' certificates are for. */
  readonly serverName: string;
  /** Secret with `ca.crt`. */
  readonly caSecret: string;
  /** Secrets of the file realm, each with `username` and `password`. */
  readonly userSecrets: readonly string[];
  /** Secret of the operator's user `elastic`. */
  readonly elasticUserSecret: string;
  /** Secret of the users that only the operator and its probes use. */
  readonly internalUsersSecret: string;
  /** Counts rotations: another one replaces the passwords of the operator's users, and is waited for again. */
  readonly rotation: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/elasticsearch-logins-provider',
  methods: ['create', 'update'],
};

/**
 * Done once every node knows every login: a Secret takes up to a minute or two to reach the nodes' files, and applications
 * must not be handed a password before.
 */
export class ElasticsearchLogins extends CompiledResource {
  constructor(
    name: string,
    args: pulumi.Inputs & ElasticsearchLoginsInputs,
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(provider, 'elasticsearch:Logins', name, { ...args }, opts);
  }
}
