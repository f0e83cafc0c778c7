import * as pulumi from '@pulumi/pulumi';

/** Methods of a dynamic provider. @see https://www.pulumi.com/docs/iac/concepts/resources/dynamic-providers/ */
export type ProviderMethod = keyof pulumi.dynamic.ResourceProvider & string;

/** A dynamic provider whose code is a compiled module of this project. */
export interface CompiledProvider {
  /** The module, relative to the project and without extension; exports an object named `provider`. */
  readonly module: string;
  /** Methods of that object. */
  readonly methods: readonly ProviderMethod[];
}

/**
 * Text that Pulumi keeps in its state and runs in the plugin's process, in the folder of the program's entry point or of the
 * project: paths are relative to that folder. Written out instead of serialised, it captures nothing, and the program needs no
 * TypeScript compiler.
 */
export function providerText({ module, methods }: CompiledProvider): string {
  return [
    `const load = () => require(require.resolve('./dist/${module}.js', { paths: ['.', '../..'] })).provider;`,
    'exports.handler = () => ({',
    ...methods.map((method) => `  ${method}: (...args) => load().${method}(...args),`),
    '});',
    '',
  ].join('\n');
}

/** A resource of a {@link CompiledProvider}; what `pulumi.dynamic.Resource` is for a serialised one. */
export class CompiledResource extends pulumi.CustomResource {
  /** @param type Module and name, such as `minio:User`. */
  constructor(
    provider: CompiledProvider,
    type: `${string}:${string}`,
    name: string,
    props: pulumi.Inputs,
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(`pulumi-nodejs:dynamic/${type}`, name, { ...props, __provider: providerText(provider) }, opts);
  }
}
