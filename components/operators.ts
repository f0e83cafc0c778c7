import * as pulumi from '@pulumi/pulumi';
import { ManifestBundle, ManifestBundleArgs } from './manifest-bundle';
import { ExistingOperator, OperatorRequirement } from './operators-existing';

const MODES = ['managed', 'existing'] as const;

/** Arguments of {@link Operators}. */
export interface OperatorsArgs {
  /** `managed` installs the operators; `existing` only checks that the cluster has them. */
  readonly mode: (typeof MODES)[number];
  /** Namespace of the CloudNativePG operator; default `cnpg-system`. */
  readonly namespace?: string;
  /** CloudNativePG release manifest. */
  readonly manifest: { readonly url: string; readonly sha256: string };
  /** Operator image, such as one of a private registry; default the manifest's own. */
  readonly image?: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/** Object specifications of {@link Operators}; exactly one of the two is declared. */
export interface OperatorsSpec {
  readonly bundle?: ManifestBundleArgs;
  readonly requirement?: OperatorRequirement;
}

/**
 * Pure specification of the operators.
 * @throws Error for an unknown mode.
 */
export function operatorsSpec(args: OperatorsArgs): OperatorsSpec {
  if (!MODES.includes(args.mode)) {
    throw new Error(`operators must be one of ${MODES.join(', ')}, got "${args.mode}".`);
  }
  const context = args.context ? { context: args.context } : {};
  if (args.mode === 'existing') {
    return {
      requirement: {
        operator: 'CloudNativePG',
        definition: 'clusters.postgresql.cnpg.io',
        version: 'v1',
        workload: { kind: 'Deployment', selectors: ['app.kubernetes.io/name=cloudnative-pg'] },
        ...context,
      },
    };
  }
  const namespace = args.namespace ?? 'cnpg-system';
  return {
    bundle: {
      url: args.manifest.url,
      sha256: args.manifest.sha256,
      ...(args.image ? { image: args.image } : {}),
      namespace,
      ...context,
      probe: {
        apiVersion: 'postgresql.cnpg.io/v1',
        kind: 'Cluster',
        metadata: { name: 'admission-probe', namespace },
        spec: { instances: 1, storage: { size: '1Gi' } },
      },
    },
  };
}

/**
 * The operators that the stores need: CloudNativePG.
 * @see https://cloudnative-pg.io/documentation/current/installation_upgrade/
 */
export class Operators extends pulumi.ComponentResource {
  constructor(name: string, args: OperatorsArgs, opts?: pulumi.ComponentResourceOptions) {
    const { bundle, requirement } = operatorsSpec(args);
    super('agent-data-platform:data:Operators', name, {}, opts);
    if (bundle) new ManifestBundle(`${name}-cloudnative-pg`, bundle, { parent: this });
    if (requirement) new ExistingOperator(`${name}-cloudnative-pg`, requirement, { parent: this });
    this.registerOutputs();
  }
}
