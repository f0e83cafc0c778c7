import { JSONPath } from 'jsonpath-plus';
import type { PlainProperties } from '../../marshalling';
import { type Verdict, conditionOf, detail, pending, ready } from './verdict';

/** One expectation of the annotation `pulumi.com/waitFor`. */
export type Expectation = (object: PlainProperties) => Verdict;

/**
 * Reads the annotation `pulumi.com/waitFor`: `condition=Type[=Status]`, `jsonpath={.path}[=value]`, or a JSON
 * list of those, which must then all hold.
 * @throws Error when it has another form.
 */
export function parseWaitFor(text: string): Expectation[] {
  if (!text.trimStart().startsWith('[')) return [parseExpectation(text)];
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || list.length === 0 || !list.every((item) => typeof item === 'string'))
    throw malformed(text);
  return list.map(parseExpectation);
}

function parseExpectation(text: string): Expectation {
  const condition = /^condition=([^=]+)(?:=(.+))?$/.exec(text);
  if (condition) return expectCondition(condition[1]!, condition[2] ?? 'True');
  const jsonPath = /^jsonpath='?\{(.+?)\}'?(?:==?(.+))?$/.exec(text);
  if (jsonPath) return expectJsonPath(jsonPath[1]!, jsonPath[2]);
  throw malformed(text);
}

function malformed(text: string): Error {
  return new Error(
    `The annotation pulumi.com/waitFor is "${text}": write condition=Ready, jsonpath={.status.phase}=Running, ` +
      'or a JSON list of those.',
  );
}

function expectCondition(type: string, status: string): Expectation {
  return (object) => {
    const condition = conditionOf(object, type);
    if (!condition) return pending(`no condition ${type} yet${summary(object)}`);
    if (
      condition.observedGeneration !== undefined &&
      condition.observedGeneration < object.metadata.generation
    )
      return pending(`condition ${type} is not reported for the latest change yet${summary(object)}`);
    if (condition.status.toLowerCase() === status.toLowerCase()) return ready;
    return pending(
      `condition ${type} is ${condition.status}, not ${status}${detail(condition)}${summary(object)}`,
    );
  };
}

function expectJsonPath(path: string, wanted: string | undefined): Expectation {
  const query = `$${path.startsWith('.') || path.startsWith('[') ? '' : '.'}${path}`;
  return (object) => {
    const found: unknown[] = JSONPath({ path: query, json: object, eval: 'safe' });
    const values = found.filter((value) => value !== undefined && value !== null);
    if (wanted === undefined ? values.length > 0 : values.some((value) => textOf(value) === wanted))
      return ready;
    const got = values.length > 0 ? values.map(textOf).join(', ') : 'missing';
    return pending(`${path} is ${got}${wanted === undefined ? '' : `, not ${wanted}`}`);
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The phase that most operators report in words. */
function summary({ status }: PlainProperties): string {
  const texts = [status?.phase, status?.phaseReason].filter(
    (text) => typeof text === 'string' && text !== '',
  );
  return texts.length > 0 ? `; phase: ${texts.join(', ')}` : '';
}
