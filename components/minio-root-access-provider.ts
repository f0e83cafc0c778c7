import type { dynamic } from '@pulumi/pulumi';
import { asAdministrator } from './minio-administrator';
import type { MinioRootAccessInputs } from './minio-root-access';

/**
 * Provider method: has every server refuse root, as the administrator that is left.
 * @throws Error when MinIO accepts no administrator; MinioAdminError when it refuses.
 * @see https://github.com/minio/minio/blob/master/docs/config/README.md
 */
export async function refuseRoot(inputs: MinioRootAccessInputs) {
  await setRootAccess(inputs, 'off');
  return { id: `${inputs.namespace}/${inputs.service}`, outs: inputs };
}

/**
 * Provider method: lets root in again, since the drives outlive the stack and the next one makes other keys.
 * A MinIO that is away keeps no destroy waiting.
 */
export async function admitRoot(inputs: MinioRootAccessInputs): Promise<void> {
  await setRootAccess(inputs, 'on').catch(() => undefined);
}

function setRootAccess(inputs: MinioRootAccessInputs, value: 'on' | 'off'): Promise<void> {
  return asAdministrator(inputs, (admin) => admin.setConfig(`api root_access=${value}`), { orRoot: false });
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: refuseRoot,
  update: (_id, _olds, news) => refuseRoot(news),
  delete: (_id, inputs) => admitRoot(inputs),
};
