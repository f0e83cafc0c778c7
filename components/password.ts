import type * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';

/** Letters and digits only, so that it needs no escaping in a URL; 40 is the most that MinIO takes. */
const LENGTH = 32;

/** A generated password named `<name>-password`, kept as a secret in the state. */
export function generatedPassword(name: string, parent: pulumi.Resource): pulumi.Output<string> {
  return new random.RandomPassword(`${name}-password`, { length: LENGTH, special: false }, { parent }).result;
}
