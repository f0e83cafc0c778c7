import { KubernetesError } from '../../../migrations/kubernetes/cluster';
import type { PlainProperties } from '../marshalling';
import { annotations } from './config';
import { describe } from './kinds';

/** Says in words which object and field an API server's refusal is about, and what to do. */
export function explain(error: unknown, object: PlainProperties): Error {
  if (!(error instanceof KubernetesError) || error.status === 0) return error as Error;
  const subject = describe(object);
  return new Error(
    conflict(error, subject) ??
      unknownField(error, subject) ??
      immutable(error, subject) ??
      invalid(error, subject) ??
      `${subject} was refused by the API server (${error.status} ${error.reason}): ${error.message}`,
    { cause: error },
  );
}

function conflict(error: KubernetesError, subject: string): string | undefined {
  const causes = error.details?.causes?.filter(({ reason }) => reason === 'FieldManagerConflict') ?? [];
  if (error.status !== 409 || causes.length === 0) return undefined;
  const fields = causes.map(({ field, message }) => `${field} (${message})`).join(', ');
  return (
    `${subject} has fields that another field manager owns: ${fields}. Remove them from the program, or take ` +
    `them over with the annotation ${annotations.patchForce}: "true".`
  );
}

function unknownField(error: KubernetesError, subject: string): string | undefined {
  if (error.status !== 400 && error.status !== 500) return undefined;
  const fields = [
    ...error.message.matchAll(/(\.[^\s:]+): field not declared in schema/g),
    ...error.message.matchAll(/unknown field "([^"]+)"/g),
  ].map((match) => match[1]!.replace(/^\./, ''));
  if (fields.length === 0) return undefined;
  return `${subject} has the unknown field ${[...new Set(fields)].join(', ')}: correct or remove it.`;
}

function immutable(error: KubernetesError, subject: string): string | undefined {
  if (error.status !== 422 || !/immutable|updates to .* forbidden|Forbidden: updates/.test(error.message))
    return undefined;
  return (
    `${subject} cannot change in place: ${causesOf(error)}. Undo the change, or replace the object with ` +
    '`pulumi up --replace <urn>`.'
  );
}

function invalid(error: KubernetesError, subject: string): string | undefined {
  return error.status === 422 ? `${subject} is invalid: ${causesOf(error)}.` : undefined;
}

function causesOf({ details, message }: KubernetesError): string {
  const causes = details?.causes ?? [];
  return causes.length > 0 ? causes.map((cause) => `${cause.field}: ${cause.message}`).join('; ') : message;
}

/** Whether an object is refused because its namespace or its kind does not exist (yet). */
export function missesPrerequisite(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 404;
}

/** Whether a dry-run is refused because a webhook cannot tell what it would do. */
export function dryRunUnsupported(error: unknown): boolean {
  return error instanceof KubernetesError && error.message.includes('does not support dry run');
}

/** Whether the same request may succeed a moment later: overload, or a webhook that is starting. */
export function transient(error: unknown): boolean {
  if (!(error instanceof KubernetesError)) return false;
  return (
    [429, 502, 503, 504].includes(error.status) ||
    (error.status === 500 && error.message.includes('failed calling webhook'))
  );
}
