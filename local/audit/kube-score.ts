import * as path from 'node:path';
import { goBinary } from '../go-build';
import { goBuilds } from '../versions';
import type { Finding } from './findings';
import { answerOf } from './tool';

/** Grade of the worst findings. @see https://github.com/zegl/kube-score */
const CRITICAL = 1;

/** The part of kube-score's report that is used. */
export interface KubeScoreReport {
  readonly type_meta: { readonly kind: string };
  readonly object_meta: { readonly name: string };
  readonly checks:
    | readonly {
        readonly check: { readonly id: string };
        readonly grade: number;
        readonly skipped: boolean;
        readonly comments: readonly { readonly path: string; readonly summary: string }[] | null;
      }[]
    | null;
}

/** How many checks were made, and which of them are critical. */
export interface KubeScoreResult {
  readonly checks: number;
  readonly critical: readonly Finding[];
}

/**
 * Runs kube-score on a file of manifests, for a version of Kubernetes such as `v1.34`.
 * @see https://github.com/zegl/kube-score/blob/master/README_CHECKS.md
 */
export async function kubeScore(manifests: string, kubernetes: string): Promise<KubeScoreResult> {
  const binary = path.join(await goBinary(goBuilds.kubeScore), 'kube-score');
  const options = ['score', '--output-format', 'json', '--kubernetes-version', kubernetes, manifests];
  return kubeScoreResult(JSON.parse(await answerOf(binary, options)) as KubeScoreReport[]);
}

/** Reads a report. */
export function kubeScoreResult(report: readonly KubeScoreReport[]): KubeScoreResult {
  const made = report.flatMap(({ type_meta, object_meta, checks }) =>
    (checks ?? [])
      .filter(({ skipped }) => !skipped)
      .map((check) => ({ ...check, object: `${type_meta.kind}/${object_meta.name}` })),
  );
  return {
    checks: made.length,
    critical: made
      .filter(({ grade }) => grade === CRITICAL)
      .map(({ check, object, comments }) => ({
        check: check.id,
        object,
        message: (comments ?? [])
          .map(({ path: at, summary }) => (at ? `${at}: ${summary}` : summary))
          .join('; '),
      })),
  };
}
