import type { PlainProperties } from '../marshalling';

/** Configuration of the kubernetes provider that the stand-in honours, in the SDK's terms. */
export interface ProviderConfig {
  /** Text of a kubeconfig, or path(s) of kubeconfig files; default as kubectl. */
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Namespace of namespaced objects that name none; default `default`. */
  readonly namespace?: string;
  readonly renderYamlToDirectory?: string;
  readonly enableServerSideApply: boolean;
  readonly enableConfigMapMutable: boolean;
  readonly enableSecretMutable: boolean;
  readonly enablePatchForce: boolean;
  readonly upsertExistingObjects: boolean;
  readonly deleteUnreachable: boolean;
}

/** Reads the provider's arguments; booleans arrive as JSON text. */
export function parseConfig(args: PlainProperties): ProviderConfig {
  if (args.cluster)
    throw new Error(
      `The provider argument cluster ("${args.cluster}") needs the official kubernetes plugin: name a context instead.`,
    );
  const flag = (name: string, byDefault: boolean) =>
    args[name] === undefined ? byDefault : args[name] === true || args[name] === 'true';
  return {
    kubeconfig: args.kubeconfig || undefined,
    context: args.context || undefined,
    namespace: args.namespace || undefined,
    renderYamlToDirectory: args.renderYamlToDirectory || undefined,
    enableServerSideApply: flag('enableServerSideApply', true),
    enableConfigMapMutable: flag('enableConfigMapMutable', false),
    enableSecretMutable: flag('enableSecretMutable', false),
    enablePatchForce: flag('enablePatchForce', false),
    upsertExistingObjects: flag('upsertExistingObjects', false),
    deleteUnreachable: flag('deleteUnreachable', false),
  };
}

/** Annotations by which a program steers the provider. @see https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/ */
export const annotations = {
  autonamed: 'pulumi.com/autonamed',
  deletionPropagationPolicy: 'pulumi.com/deletionPropagationPolicy',
  patchForce: 'pulumi.com/patchForce',
  skipAwait: 'pulumi.com/skipAwait',
  timeoutSeconds: 'pulumi.com/timeoutSeconds',
  waitFor: 'pulumi.com/waitFor',
} as const;

/** Value of one of {@link annotations} on an object. */
export function annotation(object: PlainProperties, name: keyof typeof annotations): string | undefined {
  return object.metadata?.annotations?.[annotations[name]];
}
