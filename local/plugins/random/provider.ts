import { type Diff, changes } from '../diff';
import {
  type PlainProperties,
  type Properties,
  Secret,
  containsUnknown,
  reveal,
  withSecretsOf,
} from '../marshalling';
import type { CheckCall, CreateCall, DiffCall, Provider, ReadCall, ResourceState } from '../provider';
import { type RandomResource, randomResources } from './resources';

/**
 * Stand-in for the official random plugin: draws once at create, keeps the value until an input changes.
 * @see https://www.pulumi.com/registry/packages/random/
 */
export class RandomProvider implements Provider {
  configure(): void {}

  async check({ type, news }: CheckCall) {
    const resource = resourceOf(type);
    const plain: PlainProperties = reveal(news);
    const failures = containsUnknown(news) ? [] : resource.failures(plain);
    if (plain.seed !== undefined)
      failures.push({
        property: 'seed',
        reason: 'a seed needs the official random plugin: the stand-in cannot repeat its sequence.',
      });
    return { inputs: withSecretsOf(resource.defaults(plain), news) as Properties, failures };
  }

  async diff({ oldInputs, news }: DiffCall): Promise<Diff> {
    return { changes: changes(reveal(oldInputs), reveal(news)), replaces: () => true };
  }

  async create({ type, inputs, preview }: CreateCall): Promise<ResourceState> {
    if (preview) return { id: '', outputs: inputs };
    const { generate, secrets } = resourceOf(type);
    const { id, outputs } = generate(reveal(inputs));
    const marked = Object.entries(outputs).map(([key, value]) => [
      key,
      secrets.includes(key) ? new Secret(value) : value,
    ]);
    return { id, outputs: { ...inputs, ...Object.fromEntries(marked) } };
  }

  async read({ type, id, outputs }: ReadCall): Promise<ResourceState> {
    if (Object.keys(outputs).length > 0) return { id, outputs };
    throw new Error(
      `${type} cannot be imported by the stand-in plugin: run the import with the official random plugin.`,
    );
  }

  async update(): Promise<Properties> {
    throw new Error('A random value cannot change in place: every change of its inputs replaces it.');
  }

  async delete(): Promise<void> {}

  async invoke(token: string): Promise<PlainProperties> {
    throw new Error(`The random package has no function ${token}.`);
  }
}

function resourceOf(type: string): RandomResource {
  const resource = randomResources[type];
  if (!resource)
    throw new Error(
      `${type} needs the official random plugin: the stand-in has ${Object.keys(randomResources).join(', ')}.`,
    );
  return resource;
}
