/** Previews of the real program for tests: rendered without a cluster, with the CLI that this machine has. */
import { join } from 'node:path';
import { type CommandResult, TestStack } from '../../e2e/pulumi';
import type { KubernetesObject } from '../../migrations/kubernetes/cluster';
import { type PreviewStep, renderedObjects } from './rendered';

const common = { preview: 'offline', operators: 'managed' };
const configurations = {
  dev: { ...common, size: 'dev', storage: { provisioner: 'rancher.io/local-path' } },
  prod: {
    ...common,
    size: 'prod',
    storage: { className: 'retained-ssd' },
    minio: { image: `registry.example.com/minio@sha256:${'0'.repeat(64)}` },
  },
};

/** Runs `pulumi preview` of a stack with its own state below a folder. */
export async function offlinePreview(
  folder: string,
  name: 'dev' | 'prod',
  { change = {}, args = [] }: { change?: Record<string, unknown>; args?: string[] } = {},
): Promise<CommandResult> {
  const stack = new TestStack(name, join(folder, [name, ...Object.keys(change)].join('-')), {
    ...configurations[name],
    ...change,
  });
  await stack.init();
  return stack.run(['preview', ...args], { env: { AGENT_DATA_PLATFORM_OFFLINE: '1' } });
}

/** Every Kubernetes object that a stack declares. */
export async function offlineObjects(folder: string, name: 'dev' | 'prod'): Promise<KubernetesObject[]> {
  const { code, stdout, stderr } = await offlinePreview(folder, name, { args: ['--json'] });
  if (code !== 0)
    throw new Error(`The preview of ${name} ended with ${code}: ${stderr}${stdout.slice(-4000)}`);
  return renderedObjects((JSON.parse(stdout.slice(stdout.indexOf('{'))) as { steps: PreviewStep[] }).steps);
}
