/** How pods reach the repository of the copies. */
import type { BackupRepository } from './backup-jobs-args';

/** Key of a ConfigMap, and file, with the authority of the repository's server. */
export const REPOSITORY_CA = 'repository-ca.crt';

/** Environment of the command `platform`. @param caFolder Where the authority is, if it is given. */
export function repositoryEnvironment(repository: BackupRepository, schedule: string, caFolder: string) {
  const { address, endpoint, region = 'us-east-1', ca, credentialsSecret } = repository;
  const fromSecret = (variable: string, key: string) => ({
    name: variable,
    valueFrom: { secretKeyRef: { name: credentialsSecret, key } },
  });
  return [
    { name: 'PLATFORM_BACKUPS', value: `${address.replace(/\/+$/, '')}/${schedule}` },
    ...(endpoint ? [{ name: 'PLATFORM_BACKUPS_ENDPOINT', value: endpoint }] : []),
    ...(ca ? [{ name: 'PLATFORM_BACKUPS_CA', value: `${caFolder}/${REPOSITORY_CA}` }] : []),
    { name: 'AWS_REGION', value: region },
    fromSecret('AWS_ACCESS_KEY_ID', 'accessKeyId'),
    fromSecret('AWS_SECRET_ACCESS_KEY', 'secretAccessKey'),
  ];
}
