/**
 * Preloaded into the Node.js processes of Pulumi: defers two modules that @pulumi/pulumi loads at its start and that only
 * serialising functions needs, which takes half of the start of a dynamic provider's process, and leaves out the one that
 * maps every line of every stack trace to Pulumi's TypeScript sources: Pulumi takes a stack trace for each promise.
 */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the object itself, whose loader is replaced
import Module = require('node:module');

const DEFERRED = new Set(['@npmcli/arborist', 'typescript']);
const LEFT_OUT = 'source-map-support/register';

type Load = (request: string, parent: unknown, isMain: boolean) => object;
const loader = Module as unknown as { _load: Load };
const load = loader._load;

loader._load = (request, parent, isMain) => {
  if (request === LEFT_OUT) return {};
  return DEFERRED.has(request)
    ? deferred(() => load.call(loader, request, parent, isMain))
    : load.call(loader, request, parent, isMain);
};

/** Stands for a module until one of its exports is asked for. */
function deferred(loadNow: () => object): object {
  let loaded: object | undefined;
  const real = (): object => (loaded ??= loadNow());
  return new Proxy(
    {},
    {
      // Saying so keeps the importer from copying, and so from loading, every export.
      get: (_target, key) => (key === '__esModule' ? true : Reflect.get(real(), key)),
      has: (_target, key) => Reflect.has(real(), key),
      ownKeys: () => Reflect.ownKeys(real()),
      getOwnPropertyDescriptor: (_target, key) => {
        const descriptor = Reflect.getOwnPropertyDescriptor(real(), key);
        // A proxy may report only properties of its own target as fixed.
        return descriptor && { ...descriptor, configurable: true };
      },
    },
  );
}
