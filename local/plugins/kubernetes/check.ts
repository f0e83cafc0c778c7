import { type PlainProperties, type Properties, Unknown, reveal, withSecretsOf } from '../marshalling';
import type { CheckCall, CheckFailure } from '../provider';
import { annotations } from './config';
import { generatedName } from './kinds';

/** Name of an object under Kubernetes' widest rule for names: RFC 1123 subdomain, RBAC also allows colons. */
const namePattern = /^[A-Za-z0-9]([A-Za-z0-9.:_-]*[A-Za-z0-9])?$/;
const maximumNameLength = 253;

interface CheckOptions {
  /** Namespace for objects that name none; undefined for kinds without namespace. */
  readonly namespace?: string;
}

/** Completes the inputs (name, namespace) and lists what is wrong with them. */
export function checkInputs(
  { olds, news, name, randomSeed }: CheckCall,
  { namespace }: CheckOptions,
): { inputs: Properties; failures: CheckFailure[] } {
  const inputs: PlainProperties = reveal(news);
  const failures = [...kindFailures(inputs), ...metadataFailures(inputs)];
  if (failures.length > 0) return { inputs: news, failures };
  const metadata: PlainProperties = { ...inputs.metadata };
  if (metadata.name === undefined && metadata.generateName === undefined) {
    const old: PlainProperties = reveal(olds);
    metadata.name = autonamed(old) ? old.metadata.name : generatedName(name, randomSeed);
    metadata.annotations = { ...metadata.annotations, [annotations.autonamed]: 'true' };
  }
  if (namespace !== undefined) metadata.namespace ??= namespace;
  return { inputs: withSecretsOf({ ...inputs, metadata }, news) as Properties, failures };
}

/** Whether the plugin chose the object's name. */
export function autonamed(inputs: PlainProperties): boolean {
  return inputs.metadata?.annotations?.[annotations.autonamed] === 'true';
}

function kindFailures({ apiVersion, kind }: PlainProperties): CheckFailure[] {
  const failures = Object.entries({ apiVersion, kind })
    .filter(([, value]) => typeof value !== 'string' || value === '')
    .map(([property, value]) => ({ property, reason: `${property} must be a string, got ${value}.` }));
  if (typeof kind === 'string' && kind.endsWith('Patch'))
    failures.push({
      property: 'kind',
      reason: `${kind} needs the official kubernetes plugin: the stand-in owns whole objects only.`,
    });
  return failures;
}

function metadataFailures({ metadata }: PlainProperties): CheckFailure[] {
  if (metadata === undefined || metadata instanceof Unknown) return [];
  const { name, generateName } = metadata;
  if (generateName !== undefined)
    return [
      {
        property: 'metadata.generateName',
        reason: 'generateName is not supported: leave the name out and the plugin generates one.',
      },
    ];
  if (name === undefined || name instanceof Unknown) return [];
  if (typeof name === 'string' && name.length <= maximumNameLength && namePattern.test(name)) return [];
  return [
    {
      property: 'metadata.name',
      reason: `"${name}" is no valid object name: use at most ${maximumNameLength} letters, digits, "-" and ".".`,
    },
  ];
}
