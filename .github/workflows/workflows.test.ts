import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parse } from 'yaml';

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, string>;
}
interface Job {
  if?: string;
  permissions?: Record<string, string>;
  environment?: string;
  'timeout-minutes'?: number;
  steps: Step[];
}
interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  jobs: Record<string, Job>;
}

const read = (file: string) => fs.readFileSync(path.join(__dirname, file), 'utf8');
const pullRequest = parse(read('pull-request.yml')) as Workflow;
const deploy = parse(read('deploy.yml')) as Workflow;
const action = parse(read('../actions/stack/action.yml')) as { runs: { steps: Step[] } };
const jobs = [...Object.entries(pullRequest.jobs), ...Object.entries(deploy.jobs)];
const sameRepository = 'github.event.pull_request.head.repo.full_name == github.repository';

let scratch: string;
beforeEach(() => {
  scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'workflows-'));
});
afterEach(() => fs.rmSync(scratch, { recursive: true }));

describe('what a workflow may do', () => {
  test('every action is pinned by commit', () => {
    const steps = [...jobs.flatMap(([, job]) => job.steps), ...action.runs.steps];
    const unpinned = steps
      .flatMap(({ uses }) => uses ?? [])
      .filter((uses) => !uses.startsWith('./') && !/@[0-9a-f]{40}$/.test(uses));
    expect(unpinned).toEqual([]);
  });

  test('the token reads contents, unless a job says what else it needs', () => {
    expect([pullRequest.permissions, deploy.permissions]).toEqual([
      { contents: 'read' },
      { contents: 'read' },
    ]);
    const written = jobs.flatMap(([name, { permissions }]) =>
      Object.entries(permissions ?? {})
        .filter(([, level]) => level === 'write')
        .map(([scope]) => `${name}: ${scope}`),
    );
    expect(written).toEqual([
      'preview: id-token',
      'comment: pull-requests',
      'dev: id-token',
      'preview-prod: id-token',
      'prod: id-token',
    ]);
  });

  test('every job has a time-out', () => {
    expect(jobs.filter(([, job]) => !job['timeout-minutes']).map(([name]) => name)).toEqual([]);
  });

  test('a pull request from a fork reaches no secret, no environment and no token', () => {
    expect(Object.keys(pullRequest.on)).toEqual(['pull_request']);
    const open = Object.entries(pullRequest.jobs).filter(
      ([, job]) => !job.if?.includes(sameRepository) && !job.if?.includes('needs.preview.result'),
    );
    expect(open.map(([name]) => name)).toEqual(['checks', 'policies', 'test', 'preview-offline']);
    expect(JSON.stringify(open)).not.toMatch(/secrets\.|vars|"permissions"|"environment"/);
  });

  test('the job that may write to the pull request runs none of its code', () => {
    expect(pullRequest.jobs.comment!.steps.map(({ uses }) => uses?.split('@')[0])).toEqual([
      'actions/download-artifact',
      'actions/github-script',
    ]);
  });

  test('deployments go through the environment that approves them', () => {
    const environments = Object.entries(deploy.jobs).map(([name, job]) => [name, job.environment]);
    expect(environments).toEqual([
      ['dev', 'dev'],
      ['preview-prod', 'preview-prod'],
      ['prod', 'prod'],
    ]);
  });
});

describe('run.sh', () => {
  const root = path.dirname(path.dirname(__dirname));

  /** Runs the script with an `npm` that prints its arguments and settings, and exits with `status`. */
  function run(env: Record<string, string>, status = 0) {
    const npm = path.join(scratch, 'npm');
    fs.writeFileSync(
      npm,
      `#!/bin/sh\necho "$@"\necho "backend=\${PULUMI_BACKEND_URL-unset} text=\${KUBECONFIG_TEXT-unset}"\n` +
        `[ -z "$KUBECONFIG" ] || { stat -c 'mode=%a' "$KUBECONFIG"; cat "$KUBECONFIG"; }\nexit ${status}\n`,
      { mode: 0o755 },
    );
    const output = path.join(scratch, 'output');
    const summary = path.join(scratch, 'summary');
    fs.writeFileSync(path.join(scratch, 'Pulumi.dev.yaml'), stackFile);
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(scratch, 'node_modules'));
    const result = spawnSync('bash', [path.join(root, '.github/actions/stack/run.sh')], {
      cwd: scratch,
      encoding: 'utf8',
      env: {
        PATH: `${scratch}:${process.env.PATH}`,
        STACK: 'dev',
        OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
        TMPDIR: scratch,
        ...env,
      },
    });
    const file = (name: string) => {
      const full = path.join(output, name);
      return fs.existsSync(full) ? fs.readFileSync(full, 'utf8') : undefined;
    };
    return { ...result, file, summary: () => fs.readFileSync(summary, 'utf8') };
  }

  const stackFile = 'config:\n  agent-data-platform:size: dev # small\n';
  const common = '--diff --color never';

  test('without a cluster the preview is offline, and empty settings count as absent', () => {
    const { status, file, summary } = run({
      COMMAND: 'preview',
      KUBECONFIG_TEXT: '',
      PULUMI_BACKEND_URL: '',
    });
    const text = `run --silent preview -- dev --policies -- ${common}\nbackend=unset text=unset\n`;
    expect(file('preview-dev.txt')).toBe(text);
    expect(JSON.parse(file('preview-dev.json')!)).toEqual({ mode: 'offline', status: 0 });
    expect(summary()).toBe(`### preview of dev (offline)\n\n~~~~\n${text}\n~~~~\n`);
    expect(status).toBe(0);
    const edited = fs.readFileSync(path.join(scratch, 'Pulumi.dev.yaml'), 'utf8');
    expect(edited).toBe(`${stackFile}  agent-data-platform:preview: offline\n`);
  });

  test('with a cluster the kubeconfig is a private file that is gone afterwards, and its context is used', () => {
    const kubeconfig = 'kind: Config\ncurrent-context: shared';
    const { file } = run({
      COMMAND: 'up',
      KUBECONFIG_TEXT: kubeconfig,
      PULUMI_BACKEND_URL: 's3://state',
    });
    expect(file('up-dev.txt')).toBe(
      `run --silent up -- dev --policies --yes -- ${common}\nbackend=s3://state text=unset\nmode=600\n${kubeconfig}\n`,
    );
    expect(JSON.parse(file('up-dev.json')!)).toEqual({ mode: 'online', status: 0 });
    const edited = fs.readFileSync(path.join(scratch, 'Pulumi.dev.yaml'), 'utf8');
    expect(edited).toBe(`${stackFile}  agent-data-platform:kubeContext: shared\n`);
    const left = ['Pulumi.dev.yaml', 'node_modules', 'npm', 'output', 'summary'];
    expect(fs.readdirSync(scratch).sort()).toEqual(left);
  });

  test('a failure keeps its output and its status', () => {
    const { status, file, summary } = run({ COMMAND: 'preview' }, 3);
    expect(status).toBe(3);
    expect(JSON.parse(file('preview-dev.json')!)).toEqual({ mode: 'offline', status: 3 });
    expect(summary()).toContain('### preview of dev (offline): failed\n');
  });

  test('nothing is deployed without a cluster', () => {
    const { status, stderr, file } = run({ COMMAND: 'up' });
    expect(status).toBe(1);
    expect(stderr).toBe(
      'error: there is no cluster to deploy dev to. Set KUBECONFIG in the environment of this job.\n',
    );
    expect(file('up-dev.txt')).toBeUndefined();
  });
});

describe('the comment', () => {
  const script = pullRequest.jobs.comment!.steps[1]!.with!.script!;
  const marker = '<!-- preview of dev -->';

  /** Runs the workflow's own script in the folder of the artifact, against a recorded API. */
  async function comment(text: string, existing: object[] = [], result = { mode: 'online', status: 0 }) {
    const calls: { method: string; body: string; comment_id?: number; issue_number?: number }[] = [];
    const record = (method: string) => async (request: { body: string }) =>
      calls.push({ method, ...request });
    const github = {
      paginate: async () => existing,
      rest: { issues: { updateComment: record('update'), createComment: record('create') } },
    };
    const context = {
      serverUrl: 'https://github.example',
      repo: { owner: 'team', repo: 'platform' },
      runId: 7,
      payload: { pull_request: { number: 12, head: { sha: 'abc' } } },
    };
    const files: Record<string, string> = {
      'preview-dev.txt': text,
      'preview-dev.json': JSON.stringify(result),
    };
    const modules = { 'node:fs': { readFileSync: (name: string) => files[name] } };
    const load = (name: keyof typeof modules) => modules[name];
    const body = new Function(
      'require',
      'process',
      'github',
      'context',
      `return (async () => {${script}})()`,
    );
    await body(load, { env: { STACK: 'dev' } }, github, context);
    expect(calls).toHaveLength(1);
    return calls[0]!;
  }

  test('is created once, with signs where the diff colours look for them', async () => {
    const { method, issue_number, body } = await comment('  + kubernetes:core\n    ~ data: {\n plain');
    expect([method, issue_number]).toEqual(['create', 12]);
    expect(body).toBe(
      [
        marker,
        '### Preview of `dev`',
        'Commit abc, [run and whole output](https://github.example/team/platform/actions/runs/7).',
        '<details open><summary>Changes</summary>',
        '~~~~diff\n+   kubernetes:core\n!     data: {\n plain\n~~~~',
        '</details>',
      ].join('\n\n'),
    );
  });

  test("updates this environment's own comment and no one else's", async () => {
    const bot = { login: 'github-actions[bot]' };
    const existing = [
      { id: 1, user: bot, body: '<!-- preview of prod -->' },
      { id: 2, user: { login: 'someone' }, body: marker },
      { id: 3, user: bot, body: `${marker}\n\nold` },
    ];
    const { method, comment_id } = await comment('', existing);
    expect([method, comment_id]).toEqual(['update', 3]);
  });

  test('says when the preview failed or no cluster was asked', async () => {
    const { body } = await comment('error', [], { mode: 'offline', status: 1 });
    expect(body).toContain('### Preview of `dev`: failed\n\nRendered offline: no cluster was asked');
  });

  test('stays under the limit of a comment and says that it was cut', async () => {
    const { body } = await comment('x'.repeat(70_000));
    expect(body.length).toBeLessThanOrEqual(65_536);
    expect(body.length).toBeGreaterThan(65_200);
    expect(body).toMatch(/<\/details>\n\nCut at the size limit of a comment; the artifact holds the rest\.$/);
  });

  test('output cannot close the block it is shown in', async () => {
    const { body } = await comment('~~~~\n@everyone');
    expect(body.match(/^~~~~/gm)).toHaveLength(2);
  });
});
