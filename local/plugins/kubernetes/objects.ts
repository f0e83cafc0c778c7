import {
  type Plain,
  type PlainProperties,
  type Properties,
  Secret,
  Unknown,
  type Value,
  isObject,
  reveal,
  withSecretsOf,
} from '../marshalling';

/** Members the official plugin keeps in its state beside the live object. */
const fieldManagerKey = '__fieldManager';
const apiVersionKey = '__initialApiVersion';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const serverMetadata = [
  'creationTimestamp',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
];

/**
 * State of a live object: the object without bookkeeping of other tools, secrets marked as the inputs mark
 * them, plus the plugin's own two members. Schemas of CRDs are left out, they would fill the state.
 */
export function outputsOf(live: PlainProperties, inputs: Properties, fieldManager: string): Properties {
  const object: PlainProperties = reveal(live);
  delete object.metadata?.managedFields;
  delete object.metadata?.annotations?.[lastApplied];
  if (object.kind === 'CustomResourceDefinition')
    for (const version of object.spec?.versions ?? []) delete version.schema;
  const outputs = withSecrets(object, inputs);
  return { ...outputs, [fieldManagerKey]: fieldManager, [apiVersionKey]: object.apiVersion };
}

/** The object with secrets marked as the inputs mark them, and all data of a Secret. */
export function withSecrets(object: PlainProperties, inputs: Properties): Properties {
  const marked = withSecretsOf(object, inputs) as Properties;
  if (object.kind !== 'Secret' || object.apiVersion !== 'v1') return marked;
  for (const key of ['data', 'stringData'])
    if (marked[key] !== undefined && !(marked[key] instanceof Secret)) marked[key] = new Secret(marked[key]);
  return marked;
}

/** Inputs as outputs, for a preview that cannot ask the cluster; what only the server sets is unknown. */
export function previewOutputs(inputs: Properties): Properties {
  const metadata = isObject(inputs.metadata) ? { ...unknownMetadata, ...inputs.metadata } : Unknown.value;
  return withSecrets({ ...inputs, metadata }, inputs);
}

const unknownMetadata = Object.fromEntries(
  ['creationTimestamp', 'generation', 'resourceVersion', 'uid'].map((key) => [key, Unknown.value]),
);

/** The answer of a dry-run create with everything unknown that the real create will set differently. */
export function withoutDryRunValues(dryRun: PlainProperties, inputs: PlainProperties): PlainProperties {
  const object = reveal(dryRun);
  Object.assign(object.metadata, unknownMetadata);
  delete object.status;
  if (object.kind === 'Service' && object.apiVersion === 'v1')
    for (const key of ['clusterIP', 'clusterIPs', 'healthCheckNodePort'])
      if (object.spec[key] !== undefined && inputs.spec?.[key] === undefined)
        object.spec[key] = Unknown.value;
  return object;
}

/** Field manager kept in the state. */
export function savedFieldManager(outputs: Properties): string | undefined {
  const saved = outputs[fieldManagerKey];
  return typeof saved === 'string' ? saved : undefined;
}

/** A live object as a program would write it: without status and without what the server adds to metadata. */
export function importedInputs(live: PlainProperties): PlainProperties {
  const inputs: PlainProperties = reveal(live);
  delete inputs.status;
  for (const key of serverMetadata) delete inputs.metadata[key];
  delete inputs.metadata.annotations?.[lastApplied];
  return inputs;
}

/** The object without members that change at every write. */
export function comparable(object: PlainProperties): PlainProperties {
  const rest: PlainProperties = reveal(object);
  delete rest.status;
  for (const key of serverMetadata) delete rest.metadata[key];
  return rest;
}

/**
 * Inputs that would lead to the live object: an input stays as the program wrote it where applying it again
 * would change nothing, otherwise it takes the live value; inputs whose field is gone are dropped.
 */
export function liveInputs(inputs: Value, applied: Plain, live: Plain): Value | undefined {
  if (inputs instanceof Secret) {
    const value = liveInputs(inputs.value, applied, live);
    return value === undefined ? undefined : new Secret(value);
  }
  if (live === undefined) return applied === undefined ? inputs : undefined;
  if (isObject(inputs) && isObject(live)) {
    const kept = Object.entries(inputs).map(([key, value]) => [
      key,
      liveInputs(value, (applied as Plain)?.[key], live[key]),
    ]);
    return Object.fromEntries(kept.filter(([, value]) => value !== undefined)) as Properties;
  }
  if (Array.isArray(inputs) && Array.isArray(live) && inputs.length === live.length)
    return inputs.map((item, index) => liveInputs(item, applied?.[index], live[index]) ?? null);
  return JSON.stringify(applied) === JSON.stringify(live) ? inputs : live;
}
