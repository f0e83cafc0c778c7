import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { KubernetesObject } from '../migrations/kubernetes/cluster';
import { TestStack } from './pulumi';

const NAMESPACE = 'platform-prod';
const DIGEST = `sha256:${'0'.repeat(64)}`;

/**
 * Every Kubernetes object of the prod size, as a preview against the cluster gives them; only the namespace is made, which
 * the dry-run of the objects in it needs.
 * @throws Error with Pulumi's diagnostics when the API server refuses one of them.
 */
export async function prodObjects(folder: string): Promise<KubernetesObject[]> {
  const stack = new TestStack('prod', join(folder, 'prod'), {
    size: 'prod',
    namespace: NAMESPACE,
    kubeContext: currentContext(),
    operators: 'existing',
    storage: { provisioner: 'rancher.io/local-path' },
    minio: { image: `registry.example.com/minio@${DIGEST}` },
    // The dry-run of a PodMonitor needs the Prometheus operator's definitions.
    postgres: { podMonitor: false },
  });
  await stack.init();
  try {
    await stack.up('--target', 'urn:pulumi:prod::agent-data-platform::kubernetes:core/v1:Namespace::namespace');
    const { steps } = await stack.preview();
    return steps
      .filter(({ newState }) => /^kubernetes:.*\//.test(newState?.type ?? ''))
      .map(({ newState }) => newState!.inputs as unknown as KubernetesObject);
  } finally {
    await stack.destroy();
  }
}

function currentContext(): string {
  const file = process.env.KUBECONFIG ?? '';
  return (parse(readFileSync(file, 'utf8')) as { 'current-context': string })['current-context'];
}
