import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';

/** Logins that must work before anything that uses them. */
export interface LoginsInputs {
  readonly namespace: string;
  /** CloudNativePG Cluster. */
  readonly cluster: string;
  /** Secrets of the logins, with the keys `username` and `password`. */
  readonly secrets: readonly string[];
  /** Secret whose key `ca.crt` verifies the servers. */
  readonly caSecret: string;
  /** Changes with the passwords. */
  readonly rotation: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/postgres-logins-provider',
  methods: ['create', 'update'],
};

/** Waits, at creation and at each rotation, until every instance accepts the logins; the operator sets passwords in its own time. */
export class PostgresLogins extends CompiledResource {
  constructor(name: string, args: pulumi.Inputs & LoginsInputs, opts?: pulumi.CustomResourceOptions) {
    super(provider, 'postgres:Logins', name, { ...args }, opts);
  }
}
