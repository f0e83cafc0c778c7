import type { PlainProperties, Properties } from '../marshalling';
import { reveal } from '../marshalling';
import { comparable, liveInputs } from './objects';

/**
 * Inputs after a refresh: the previous ones, with live values where the object was changed behind Pulumi's back.
 * @param applied what the object would be if the previous inputs were applied again
 */
export function refreshedInputs(
  inputs: Properties,
  applied: PlainProperties,
  live: PlainProperties,
): Properties {
  const keys = Object.keys(reveal(inputs).stringData ?? {});
  return liveInputs(
    inputs,
    withStringData(comparable(applied), keys),
    withStringData(comparable(live), keys),
  ) as Properties;
}

/** Secrets written as text read back as base64 data: shows them as text again. */
function withStringData(object: PlainProperties, keys: string[]): PlainProperties {
  if (keys.length === 0) return object;
  const texts = keys
    .filter((key) => object.data?.[key] !== undefined)
    .map((key) => [key, Buffer.from(object.data[key], 'base64').toString('utf8')]);
  return { ...object, stringData: Object.fromEntries(texts) };
}
