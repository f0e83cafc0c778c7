import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';
import { generatedPassword } from './credential';
import { labels } from './metadata';

/** The login of a PostgreSQL cluster that Vault makes other logins as; the password is read from the Secret. */
export interface VaultPostgresRoleInputs {
  readonly namespace: string;
  /** Name of the cluster of CloudNativePG. */
  readonly cluster: string;
  /** Secret with `username` and `password`. */
  readonly secret: string;
  /** Changes with the password. */
  readonly rotation: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/vault-postgres-role-provider',
  methods: ['create', 'update'],
};

/** The role `vault` of PostgreSQL; it stays when the stack is destroyed. */
export class VaultPostgresRole extends CompiledResource {
  constructor(
    name: string,
    args: pulumi.Inputs & VaultPostgresRoleInputs,
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(provider, 'vault:PostgresRole', name, { ...args }, opts);
  }
}

/**
 * The role that Vault makes logins of PostgreSQL as, and its Secret; needs the cluster and its roles. The operator does not
 * manage it: it would take away what the role gets with every login that it makes.
 */
export class VaultPostgresLogin extends pulumi.ComponentResource {
  constructor(
    name: string,
    { secret, ...args }: VaultPostgresRoleInputs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('agent-data-platform:data:VaultPostgresLogin', name, {}, opts);
    const declared = new k8s.core.v1.Secret(
      name,
      {
        metadata: { name: secret, namespace: args.namespace, labels: labels({ name: args.cluster }) },
        type: 'kubernetes.io/basic-auth',
        stringData: { username: 'vault', password: generatedPassword(name, this, args.rotation) },
      },
      { parent: this },
    );
    new VaultPostgresRole(`${name}-role`, { ...args, secret }, { parent: this, dependsOn: declared });
    this.registerOutputs();
  }
}
