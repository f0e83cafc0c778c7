import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { logShipperNamespace } from '../components/log-shipper-spec';
import { renderedObjects } from '../local/pulumi/rendered';
import type { KubernetesCluster, KubernetesObject } from '../migrations/kubernetes/cluster';
import { TestStack } from './pulumi';

const NAMESPACE = 'platform-prod';
const DIGEST = `sha256:${'0'.repeat(64)}`;

/** Every Kubernetes object of the prod size, as a preview renders them; secret values are replaced. */
export async function prodObjects(folder: string): Promise<KubernetesObject[]> {
  const stack = new TestStack('prod', join(folder, 'prod'), {
    size: 'prod',
    namespace: NAMESPACE,
    kubeContext: currentContext(),
    operators: 'existing',
    storage: { provisioner: 'rancher.io/local-path' },
    minio: { image: `registry.example.com/minio@${DIGEST}` },
    backups: { repository: 's3://copies/prod', image: `registry.example.com/ops@${DIGEST}` },
    // Whether a PodMonitor is admitted, only the Prometheus operator's definitions say.
    postgres: { podMonitor: false },
  });
  await stack.init();
  const { steps } = await stack.preview();
  return renderedObjects(steps);
}

/** What the API server says against objects of {@link prodObjects}, asked by server-side dry-run in their namespace. */
export async function refusals(
  cluster: KubernetesCluster,
  objects: readonly KubernetesObject[],
): Promise<string[]> {
  const inspector = { fieldManager: 'e2e', dryRun: true };
  const namespaces = [NAMESPACE, logShipperNamespace(NAMESPACE)];
  for (const name of namespaces) {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    await cluster.apply(namespace, { fieldManager: 'e2e' });
  }
  try {
    const answers = await Promise.all(
      objects.map((object) =>
        cluster.apply(object, inspector).then(
          () => undefined,
          (error: Error) => `${object.kind}/${object.metadata.name}: ${error.message}`,
        ),
      ),
    );
    return answers.filter((answer) => answer !== undefined);
  } finally {
    for (const name of namespaces) await cluster.delete('v1', 'Namespace', undefined, name);
  }
}

function currentContext(): string {
  const file = process.env.KUBECONFIG ?? '';
  return (parse(readFileSync(file, 'utf8')) as { 'current-context': string })['current-context'];
}
