import * as path from 'node:path';
import { projectRoot } from '../paths';
import { pythonEnvironment } from '../pypi';
import type { Finding } from './findings';
import { answerOf } from './tool';

/** The part of checkov's report that is used. */
export interface CheckovReport {
  readonly results: {
    readonly failed_checks: readonly {
      readonly check_id: string;
      readonly check_name: string;
      /** `Kind.namespace.name`. */
      readonly resource: string;
    }[];
  };
  readonly summary: { readonly passed: number; readonly failed: number; readonly parsing_errors: number };
}

/** How many checks an object passed, and which failed. */
export interface CheckovResult {
  readonly passed: number;
  readonly failed: readonly Finding[];
}

/**
 * Runs checkov on a file of manifests; asks nothing over the network.
 * @throws Error when checkov could not read all of them.
 * @see https://www.checkov.io/2.Basics/CLI%20Command%20Reference.html
 */
export async function checkov(manifests: string): Promise<CheckovResult> {
  const lock = path.join(projectRoot(), 'policies', 'audit', 'checkov-requirements.txt');
  const python = await pythonEnvironment('checkov', lock);
  const options = ['--file', manifests, '--framework', 'kubernetes', '--output', 'json', '--compact'];
  const answer = await answerOf(python, ['-m', 'checkov.main', ...options, '--skip-download']);
  return checkovResult(JSON.parse(answer) as CheckovReport);
}

/** Reads a report. @throws Error when it is not of all objects. */
export function checkovResult({ results, summary }: CheckovReport): CheckovResult {
  if (summary.parsing_errors > 0)
    throw new Error(`checkov could not read ${summary.parsing_errors} of the manifests.`);
  return {
    passed: summary.passed,
    failed: results.failed_checks.map(({ check_id, check_name, resource }) => {
      const [kind, , ...name] = resource.split('.');
      return { check: check_id, object: `${kind}/${name.join('.')}`, message: check_name };
    }),
  };
}
