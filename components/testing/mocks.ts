import * as pulumi from '@pulumi/pulumi';

/** A resource as a program declared it. */
export interface DeclaredResource {
  /** Types of its parents and itself, outermost first, joined by `$`. */
  readonly path: string;
  readonly name: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly inputs: any;
}

/** Runs a declaration against a replaced Pulumi engine and returns what it declared, in order of path and name. */
export async function declaredBy(declare: () => unknown): Promise<DeclaredResource[]> {
  const inputsOf = new Map<string, unknown>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        inputsOf.set(`${type}::${name}`, inputs);
        // What the real provider would generate, so that what is computed from it can be.
        const generated =
          type === 'random:index/randomPassword:RandomPassword' ? { result: `${name}-result` } : {};
        return { id: `${name}-id`, state: { ...inputs, ...generated } };
      },
      call: ({ inputs }) => inputs,
    },
    'agent-data-platform',
    'test',
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    getRegisteredResources(): Map<string, unknown>;
  };
  declare();
  await pulumi.runtime.disconnect();
  return [...monitor.getRegisteredResources().keys()]
    .map((urn) => {
      const [, , path = '', name = ''] = urn.split('::');
      return { path, name, inputs: inputsOf.get(`${path.split('$').at(-1)}::${name}`) };
    })
    .sort((a, b) => `${a.path} ${a.name}`.localeCompare(`${b.path} ${b.name}`));
}
