import type * as pulumi from '@pulumi/pulumi';
import { credential } from './credential';

/**
 * The key that a step uses, and the one that it accepts besides: in an even step the next one, in an odd step the last.
 * @param step See `QdrantArgs.apiKeyStep`.
 */
export function apiKeys(
  name: string,
  step: number,
  parent: pulumi.Resource,
): { apiKey: pulumi.Output<string>; altApiKey?: pulumi.Output<string> } {
  const { current, previous } = credential(name, Math.floor(step / 2) + 1, parent);
  if (!previous) return { apiKey: current };
  return step % 2 === 0 ? { apiKey: previous, altApiKey: current } : { apiKey: current, altApiKey: previous };
}
