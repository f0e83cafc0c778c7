import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { TestStack } from '../e2e/pulumi';
import { step } from '../local/progress';

/** Figures of one program, in seconds and bytes; the times are medians of warm runs. */
interface Figures {
  resources: number;
  stateBytes: number;
  previewSeconds: number;
  noopUpSeconds: number;
}

const runs = Number(process.env.BENCH_RUNS ?? 5);
const targets = {
  previewSeconds: 8,
  noopUpSeconds: 10,
  previewRatio: 1.5,
  stateBytes: 1_000_000,
  resources: 200,
};

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

async function seconds(action: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await action();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

async function measureState(stack: TestStack): Promise<Pick<Figures, 'resources' | 'stateBytes'>> {
  const state = await stack.exportState();
  const { deployment } = JSON.parse(state) as { deployment: { resources: unknown[] } };
  return {
    resources: deployment.resources.length,
    stateBytes: Buffer.byteLength(JSON.stringify(JSON.parse(state))),
  };
}

/** A program that declares nothing but ConfigMaps: what the engine and the plugins cost by themselves. */
function writeBareProgram(folder: string, resources: number): void {
  mkdirSync(folder, { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  writeFileSync(
    join(folder, 'Pulumi.yaml'),
    'name: bare\nruntime: {name: nodejs, options: {typescript: false}}\nmain: index.js\n',
  );
  writeFileSync(join(folder, 'package.json'), '{"name":"bare","private":true}\n');
  writeFileSync(
    join(folder, 'index.js'),
    `const k8s = require('@pulumi/kubernetes');
for (let i = 0; i < ${resources}; i++) {
  new k8s.core.v1.ConfigMap('bare-' + i, { metadata: { name: 'bare-' + i, namespace: 'default' }, data: { key: 'value' } });
}
`,
  );
}

async function measure(platform: TestStack, bare: TestStack): Promise<{ platform: Figures; bare: Figures }> {
  const times = {
    platform: { preview: [] as number[], up: [] as number[] },
    bare: { preview: [] as number[], up: [] as number[] },
  };
  for (let run = 0; run <= runs; run++) {
    await step(run === 0 ? 'Warm-up run' : `Run ${run} of ${runs}`, async () => {
      const sample = {
        platform: { preview: await seconds(() => platform.preview()), up: 0 },
        bare: { preview: await seconds(() => bare.preview()), up: 0 },
      };
      sample.platform.up = await seconds(() => platform.up());
      sample.bare.up = await seconds(() => bare.up());
      if (run === 0) return;
      for (const program of ['platform', 'bare'] as const) {
        times[program].preview.push(sample[program].preview);
        times[program].up.push(sample[program].up);
      }
    });
  }
  const figures = async (stack: TestStack, t: { preview: number[]; up: number[] }): Promise<Figures> => ({
    ...(await measureState(stack)),
    previewSeconds: median(t.preview),
    noopUpSeconds: median(t.up),
  });
  return { platform: await figures(platform, times.platform), bare: await figures(bare, times.bare) };
}

function report({ platform, bare }: { platform: Figures; bare: Figures }): boolean {
  const ratio = platform.previewSeconds / bare.previewSeconds;
  const rows: [string, string, string, string, boolean][] = [
    [
      'resources',
      `${platform.resources}`,
      `${bare.resources}`,
      `≤ ${targets.resources}`,
      platform.resources <= targets.resources,
    ],
    [
      'state size (bytes)',
      `${platform.stateBytes}`,
      `${bare.stateBytes}`,
      `≤ ${targets.stateBytes}`,
      platform.stateBytes <= targets.stateBytes,
    ],
    [
      'warm preview (s)',
      platform.previewSeconds.toFixed(2),
      bare.previewSeconds.toFixed(2),
      `≤ ${targets.previewSeconds}`,
      platform.previewSeconds <= targets.previewSeconds,
    ],
    ['preview / bare', ratio.toFixed(2), '1.00', `≤ ${targets.previewRatio}`, ratio <= targets.previewRatio],
    [
      'no-op up (s)',
      platform.noopUpSeconds.toFixed(2),
      bare.noopUpSeconds.toFixed(2),
      `≤ ${targets.noopUpSeconds}`,
      platform.noopUpSeconds <= targets.noopUpSeconds,
    ],
  ];
  console.log(
    `\n| figure (median of ${runs}) | platform | bare program | target | met |\n|---|---|---|---|---|`,
  );
  for (const [name, ours, theirs, target, met] of rows)
    console.log(`| ${name} | ${ours} | ${theirs} | ${target} | ${met ? 'yes' : 'no'} |`);
  return rows.every((row) => row[4]);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'agent-data-platform-bench-'));
  const platform = new TestStack('bench', join(folder, 'platform'), {
    size: 'dev',
    namespace: 'platform-bench',
    storage: { provisioner: 'rancher.io/local-path' },
  });
  const bareFolder = join(folder, 'bare-program');
  let bare: TestStack | undefined;
  try {
    await step('Deploying the platform (dev size)', async () => {
      await platform.init();
      await platform.up();
    });
    writeBareProgram(bareFolder, (await measureState(platform)).resources - 2);
    bare = new TestStack('bare', join(folder, 'bare'), {}, bareFolder);
    await step('Deploying the bare program with as many resources', async () => {
      await bare?.init();
      await bare?.up();
    });
    process.exitCode = report(await measure(platform, bare)) ? 0 : 1;
  } finally {
    await step('Removing both', async () => {
      await bare?.destroy();
      await platform.destroy();
    });
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
