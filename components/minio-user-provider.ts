import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { forwardWhenReady } from '../migrations/kubernetes/ready-tunnel';
import { MinioAdmin } from './minio-admin';
import type { MinioUserInputs } from './minio-user';

/**
 * Provider method: makes MinIO's user and policy what the inputs and the Secrets say.
 * @throws Error when a Secret is missing; MinioAdminError when MinIO refuses.
 */
export async function putMinioUser(inputs: MinioUserInputs) {
  const { namespace, service, caSecret } = inputs;
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const root = await secret(cluster, namespace, inputs.rootSecret, ['rootUser', 'rootPassword']);
  const keys = await secret(cluster, namespace, inputs.keysSecret, inputs.accessKeys);
  const authority = caSecret && (await secret(cluster, namespace, caSecret, ['ca.crt']))['ca.crt'];
  const tls = authority ? { ca: authority, serverName: service } : undefined;
  const tunnel = await forwardWhenReady(cluster, namespace, service, inputs.port);
  try {
    const { host, port } = tunnel;
    const admin = new MinioAdmin(
      { host, port, tls },
      { accessKey: root.rootUser, secretKey: root.rootPassword },
    );
    await admin.putPolicy(inputs.policyName, inputs.policy);
    for (const accessKey of inputs.accessKeys) {
      await admin.putUser({ accessKey, secretKey: keys[accessKey]! });
      await admin.setPolicy(accessKey, inputs.policyName);
    }
  } finally {
    await tunnel.close();
  }
  return { id: `${namespace}/${inputs.keysSecret}`, outs: inputs };
}

async function secret<K extends string>(
  cluster: KubernetesCluster,
  namespace: string,
  name: string,
  keys: readonly K[],
): Promise<Record<K, string>> {
  const data = await cluster.secret(namespace, name);
  const missing = keys.filter((key) => !data?.[key]);
  if (data && missing.length === 0) return data as Record<K, string>;
  const what = data ? `has no ${missing.join(' and no ')}` : 'does not exist';
  throw new Error(`Secret ${namespace}/${name} ${what}; run \`pulumi refresh\` and \`pulumi up\` again.`);
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: putMinioUser,
  update: (_id, _olds, news) => putMinioUser(news),
};
