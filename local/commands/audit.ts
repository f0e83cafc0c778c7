import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Argument, type Command } from 'commander';
import { checkov } from '../audit/checkov';
import { type Finding, parseSkips, review, type Review } from '../audit/findings';
import { kubeScore } from '../audit/kube-score';
import { npmAudit } from '../audit/npm';
import { ensureOperatorManifests } from '../manifests';
import { projectRoot } from '../paths';
import { step } from '../progress';
import { loadStackSettings } from '../pulumi/project';
import { type PreviewStep, renderedObjects } from '../pulumi/rendered';
import { readPulumi, withOfflineSession } from '../pulumi/session';
import { toolVersions } from '../versions';
import { type CliContext, exitCodes } from './cli-context';

/** Least share of checkov's checks that must pass. */
const LEAST_PASSED = 0.98;

/** Adds `audit`. */
export function addAuditCommand(program: Command, { finish }: CliContext): void {
  program
    .command('audit')
    .description('check the rendered stack prod with kube-score and checkov, and the npm packages')
    .addArgument(new Argument('[subject]', 'what to check').choices(['manifests']).default('manifests'))
    .action(async () => finish(await auditManifests()));
}

async function auditManifests(): Promise<number> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agent-data-platform-audit-'));
  try {
    const file = path.join(folder, 'manifests.yaml');
    await step('Rendering the stack prod', () => render('prod', file));
    const verdicts = [await kubeScoreVerdict(file), await checkovVerdict(file), await npmVerdict()];
    for (const { lines } of verdicts) process.stdout.write(`${lines.join('\n')}\n`);
    return verdicts.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.failure;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes every object of a stack into one file, as an offline preview renders them. */
async function render(stack: string, file: string): Promise<void> {
  const settings = loadStackSettings(stack);
  if (settings.managedOperators) await ensureOperatorManifests();
  const text = await withOfflineSession(settings, (session) =>
    readPulumi(session, ['preview', '--json', '--non-interactive', '--stack', stack, ...session.configArgs]),
  );
  const { steps = [] } = JSON.parse(text.slice(text.indexOf('{'))) as { steps?: PreviewStep[] };
  const objects = renderedObjects(steps);
  if (objects.length === 0) throw new Error(`The preview of ${stack} has no Kubernetes objects.`);
  // JSON is YAML; written so, no value needs quoting.
  fs.writeFileSync(file, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
}

interface Verdict {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

async function kubeScoreVerdict(file: string): Promise<Verdict> {
  const kubernetes = toolVersions.kubernetes.replace(/\.\d+$/, '');
  const { checks, critical } = await step('Running kube-score', () => kubeScore(file, kubernetes));
  const reviewed = review(critical, skipsOf('kube-score'));
  return {
    ok: reviewed.open.length === 0 && reviewed.unused.length === 0,
    lines: [
      `kube-score: ${reviewed.open.length} critical of ${checks} checks; ${reviewed.skipped.length} critical skipped with a reason`,
      ...reviewLines(reviewed),
    ],
  };
}

async function checkovVerdict(file: string): Promise<Verdict> {
  const { passed, failed } = await step('Running checkov', () => checkov(file));
  const reviewed = review(failed, skipsOf('checkov'));
  const share = passed / (passed + reviewed.open.length);
  const unskipped = passed / (passed + failed.length);
  return {
    ok: share >= LEAST_PASSED && reviewed.unused.length === 0,
    lines: [
      `checkov: ${percent(share)} passed (${passed} of ${passed + reviewed.open.length}); ${reviewed.skipped.length} failures skipped with a reason, ${percent(unskipped)} without the skips`,
      ...reviewLines(reviewed),
    ],
  };
}

async function npmVerdict(): Promise<Verdict> {
  const { vulnerable, unanswered } = await step('Running npm audit', npmAudit);
  // Mirrors of closed networks answer no audits; the manifests are judged all the same.
  if (unanswered !== undefined)
    return { ok: true, lines: [`npm audit: NOT CHECKED, the registry gives no answer: ${unanswered}`] };
  return {
    ok: vulnerable.length === 0,
    lines: [
      `npm audit: ${vulnerable.length} vulnerable production dependencies`,
      ...vulnerable.map((name) => `  ${name}`),
    ],
  };
}

function skipsOf(tool: string) {
  const file = path.join(projectRoot(), 'policies', 'audit', 'skips.json');
  return parseSkips(fs.readFileSync(file, 'utf8'), tool);
}

function reviewLines({ open, unused }: Review): string[] {
  return [
    ...open.map(({ object, check, message }: Finding) => `  ${object}: ${check}: ${message}`),
    ...unused.map((skip) => `  The skip ${skip} is not needed any more; remove it.`),
  ];
}

function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}
