import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { asAdministrator, secretOf } from './minio-administrator';
import type { MinioUserInputs } from './minio-user';

/**
 * Provider method: makes MinIO's user and policy what the inputs and the Secrets say.
 * @throws Error when a Secret is missing; MinioAdminError when MinIO refuses.
 */
export async function putMinioUser(inputs: MinioUserInputs) {
  const { namespace, keysSecret, policyName } = inputs;
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const keys = await secretOf(cluster, namespace, keysSecret, inputs.accessKeys);
  await asAdministrator(inputs, async (administrator) => {
    let admin = administrator;
    await admin.putPolicy(policyName, inputs.policy);
    for (const accessKey of inputs.accessKeys) {
      const user = { accessKey, secretKey: keys[accessKey]! };
      await admin.putUser(user);
      // From here on its old key is refused.
      if (accessKey === admin.keys.accessKey) admin = admin.as(user);
      await admin.setPolicy(accessKey, policyName);
    }
  });
  return { id: `${namespace}/${keysSecret}`, outs: inputs };
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: putMinioUser,
  update: (_id, _olds, news) => putMinioUser(news),
};
