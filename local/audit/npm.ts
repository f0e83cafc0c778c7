import { projectRoot } from '../paths';
import { answerOf } from './tool';

/** The part of npm's report that is used. */
export interface NpmAuditReport {
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
  /** Instead of a report, where the registry has none. */
  readonly error?: { readonly summary?: string };
  readonly message?: string;
}

/** What npm says about the packages that the platform runs with. */
export interface NpmAudit {
  /** Packages with known vulnerabilities. */
  readonly vulnerable: readonly string[];
  /** Why the registry could not be asked. */
  readonly unanswered?: string;
}

/** Asks the registry about the production dependencies. @see https://docs.npmjs.com/cli/commands/npm-audit */
export async function npmAudit(): Promise<NpmAudit> {
  const answer = await answerOf('npm', ['audit', '--omit=dev', '--json'], projectRoot());
  return npmAuditResult(JSON.parse(answer) as NpmAuditReport);
}

/** Reads a report. */
export function npmAuditResult({ vulnerabilities, error, message }: NpmAuditReport): NpmAudit {
  if (!vulnerabilities)
    return { vulnerable: [], unanswered: message ?? error?.summary ?? 'it gave no report' };
  return {
    vulnerable: Object.entries(vulnerabilities).map(
      ([name, { severity, range }]) => `${name} ${range} (${severity})`,
    ),
  };
}
