/** One fault that lint found in a change file. */
export interface Finding {
  /** File relative to the project. */
  readonly file: string;
  /** Line of the file, from 1; 0 for the file as a whole. */
  readonly line: number;
  /** Name of the rule: `malformed`, `duplicate`, `destructive`, or one of squawk's. */
  readonly rule: string;
  /** An `error` also fails `pulumi preview`. */
  readonly severity: 'error' | 'warning';
  /** What is wrong, one sentence or more. */
  readonly message: string;
  readonly fix: string;
}

/** A finding in one line, such as compilers print them. */
export function findingText({ file, line, rule, severity, message, fix }: Finding): string {
  const place = line > 0 ? `${file}:${line}` : file;
  return `${place}: ${severity}: ${message}${fix ? ` ${fix}` : ''} [${rule}]`;
}
