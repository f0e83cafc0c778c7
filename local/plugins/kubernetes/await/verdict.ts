import type { PlainProperties } from '../../marshalling';

/** How far an object is on its way to being ready. */
export interface Verdict {
  readonly ready: boolean;
  /** Set when waiting longer cannot help. */
  readonly failed?: string;
  /** What is missing, in words. */
  readonly status: string;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
}

export const ready: Verdict = { ready: true, status: 'ready' };
export const pending = (status: string): Verdict => ({ ready: false, status });
export const failed = (reason: string): Verdict => ({ ready: false, failed: reason, status: reason });

/** Condition of a type (letter case ignored) in an object's status. */
export function conditionOf(object: PlainProperties, type: string): Condition | undefined {
  const conditions: Condition[] = object.status?.conditions ?? [];
  return conditions.find((condition) => condition.type.toLowerCase() === type.toLowerCase());
}

/** Reason and message of a condition, as far as it has them. */
export function detail(condition: Condition | undefined): string {
  const text = [condition?.reason, condition?.message].filter(Boolean).join(': ');
  return text ? ` (${text})` : '';
}
