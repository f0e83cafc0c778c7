import { ownServiceAccount, rbacWithoutWildcards, serviceAccountToken } from './access';
import { disruptionBudget, storesReplicated } from './availability';
import { backupsConfigured } from './backups';
import { capabilitiesDropped, readOnlyRootFilesystem, seccompProfile } from './confinement';
import { imagePinned, imagePullPolicy } from './images';
import { cronJobHygiene } from './jobs';
import { namespacePodSecurity, standardLabels } from './metadata';
import { ingressTls, networkDefaultDeny, noUnexplainedExposure } from './network';
import { priorityClass, spreadOverNodes } from './placement';
import { noHostAccess, noPrivilegedPods, runAsNonRoot } from './pod-security';
import { postgresAudit, postgresHighlyAvailable, postgresTls } from './postgres';
import { probesPresent } from './probes';
import { containerResources } from './resources';
import { retentionMinimum } from './retention';
import { Rule } from './rule';
import { noLiteralCredentials, secretDataEncrypted } from './secrets';
import { dataRetained, storageClassExplicit } from './storage';
import { storeTls } from './tls';

/** Every rule of the pack, in the order they are reported. */
export const rules: readonly Rule[] = [
  noPrivilegedPods,
  noHostAccess,
  runAsNonRoot,
  readOnlyRootFilesystem,
  capabilitiesDropped,
  seccompProfile,
  namespacePodSecurity,
  serviceAccountToken,
  ownServiceAccount,
  rbacWithoutWildcards,
  noLiteralCredentials,
  secretDataEncrypted,
  noUnexplainedExposure,
  ingressTls,
  networkDefaultDeny,
  storeTls,
  postgresTls,
  postgresAudit,
  imagePinned,
  imagePullPolicy,
  containerResources,
  probesPresent,
  priorityClass,
  disruptionBudget,
  spreadOverNodes,
  storesReplicated,
  postgresHighlyAvailable,
  storageClassExplicit,
  dataRetained,
  backupsConfigured,
  retentionMinimum,
  cronJobHygiene,
  standardLabels,
];
