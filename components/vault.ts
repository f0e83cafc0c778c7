import * as k8s from '@pulumi/kubernetes';
import { vaultNames } from './vault-names';
import * as pulumi from '@pulumi/pulumi';
import { CERTIFICATE_ANNOTATION, withPodAnnotations } from './pod-annotations';
import type { VaultArgs } from './vault-args';
import { VaultConfiguration } from './vault-configuration';
import { VaultInitialization } from './vault-initialization';
import { vaultSpec } from './vault-spec';
import type { VaultSettings } from './vault-writes';

export type { VaultArgs } from './vault-args';

/** What the component needs beside what its specification is made of. */
export interface VaultOptions {
  /** What Vault is configured with; the ServiceAccount that configures is the component's own. */
  readonly settings: Omit<VaultSettings, 'configurationAccount'>;
  /** Changes with the certificate in `tlsSecret`; its pods are replaced then. */
  readonly certificateFingerprint?: pulumi.Input<string>;
  /** Changes with the Secrets that the settings name; default never. */
  readonly revision?: pulumi.Input<string>;
  /** Databases that must be there before Vault makes logins in them; default none. */
  readonly databases?: pulumi.Input<pulumi.Resource>[];
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/**
 * Vault with integrated storage: keys for encryption by applications, and logins of databases that end by themselves; needs the
 * namespace and its certificate.
 *
 * With seal `shamir` or `auto`, people initialise it (and with `shamir` open each server after each start); until then it is
 * declared but not configured, and `state` says what it waits for.
 * @see https://developer.hashicorp.com/vault/docs
 */
export class Vault extends pulumi.ComponentResource {
  /** Service of the open servers. */
  readonly host: string;
  readonly port: number;
  /** For clients: `https://…`. */
  readonly address: string;
  /** `configured`, or why it is not yet. */
  readonly state: pulumi.Output<string>;

  constructor(name: string, args: VaultArgs, options: VaultOptions, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:Vault', name, {}, opts);
    const spec = vaultSpec(args);
    const inside = { parent: this };
    const { server, configuration } = spec.serviceAccounts;
    const account = new k8s.core.v1.ServiceAccount(`${name}-configuration-account`, configuration, inside);
    const before = [
      account,
      new k8s.core.v1.ServiceAccount(name, server, inside),
      new k8s.core.v1.ConfigMap(`${name}-config`, spec.configMap, inside),
      new k8s.core.v1.Service(`${name}-nodes`, spec.services.nodes, inside),
    ];
    const annotations = { [CERTIFICATE_ANNOTATION]: options.certificateFingerprint };
    const servers = new k8s.apps.v1.StatefulSet(name, withPodAnnotations(spec.statefulSet, annotations), {
      parent: this,
      dependsOn: before,
    });
    const client = new k8s.core.v1.Service(name, spec.services.client, { parent: this, dependsOn: servers });
    if (spec.disruptionBudget)
      new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, spec.disruptionBudget, inside);
    this.host = spec.endpoints.host;
    this.port = spec.endpoints.port;
    this.address = spec.endpoints.address;
    this.state = this.configure(name, args, options, [servers, client]);
    this.registerOutputs({ host: this.host, port: this.port, address: this.address, state: this.state });
  }

  private configure(name: string, args: VaultArgs, options: VaultOptions, servers: pulumi.Resource[]) {
    const { settings, revision = '', databases = [], context } = options;
    const { namespace } = args;
    const { configurationAccount, bootstrapSecret, unsealSecret } = vaultNames(args);
    const vault = {
      ...{ namespace, service: args.name ?? 'vault', port: this.port },
      tlsSecret: args.tlsSecret ?? `${args.name ?? 'vault'}-tls`,
      ...(context ? { context } : {}),
    };
    const initialized =
      args.seal === 'dev-auto'
        ? [
            new VaultInitialization(
              `${name}-initialization`,
              { ...vault, unsealSecret, bootstrapSecret },
              { parent: this, dependsOn: servers },
            ),
          ]
        : [];
    return new VaultConfiguration(
      `${name}-configuration`,
      {
        vault,
        settings: { ...settings, configurationAccount: { namespace, name: configurationAccount } },
        bootstrapSecret,
        revision,
      },
      { parent: this, dependsOn: [...servers, ...initialized, ...databases] },
    ).state;
  }
}
