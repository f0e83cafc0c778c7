import { disruptionBudget } from './availability';
import { imagePinned } from './images';
import { noUnexplainedExposure } from './network';
import { noPrivilegedPods, runAsNonRoot } from './pod-security';
import { postgresHighlyAvailable } from './postgres';
import { containerResources } from './resources';
import { Rule } from './rule';
import { noLiteralCredentials, secretDataEncrypted } from './secrets';
import { storageClassExplicit } from './storage';

/** Every rule of the pack, in the order they are reported. */
export const rules: readonly Rule[] = [
  noPrivilegedPods,
  runAsNonRoot,
  noLiteralCredentials,
  secretDataEncrypted,
  noUnexplainedExposure,
  imagePinned,
  containerResources,
  disruptionBudget,
  storageClassExplicit,
  postgresHighlyAvailable,
];
