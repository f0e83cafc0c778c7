import type { Change, Path } from '../diff';
import type { PlainProperties } from '../marshalling';
import type { ProviderConfig } from './config';
import { groupKind } from './kinds';

type Rule = (path: Path) => boolean;

const under =
  (...prefixes: string[]): Rule =>
  (path) =>
    prefixes.some((prefix) => prefix.split('.').every((part, index) => path[index] === part));

const specExcept =
  (...mutable: string[]): Rule =>
  (path) =>
    path[0] === 'spec' && !mutable.includes(String(path[1]));

/** Fields that the API server (or the official plugin) does not change in place, by group and kind. */
const immutableFields: Readonly<Record<string, Rule>> = {
  'apps/DaemonSet': under('spec.selector'),
  'apps/Deployment': under('spec.selector'),
  'apps/StatefulSet': specExcept(
    'replicas',
    'template',
    'updateStrategy',
    'minReadySeconds',
    'ordinals',
    'persistentVolumeClaimRetentionPolicy',
    'revisionHistoryLimit',
  ),
  'batch/Job': under('spec.completions', 'spec.parallelism', 'spec.selector', 'spec.template'),
  'rbac.authorization.k8s.io/ClusterRoleBinding': under('roleRef'),
  'rbac.authorization.k8s.io/RoleBinding': under('roleRef'),
  'storage.k8s.io/StorageClass': under('parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'),
  'v1/ConfigMap': under('data', 'binaryData', 'immutable'),
  'v1/PersistentVolume': specExcept(
    'accessModes',
    'capacity',
    'claimRef',
    'mountOptions',
    'persistentVolumeReclaimPolicy',
    'storageClassName',
  ),
  'v1/PersistentVolumeClaim': under('spec'),
  'v1/Pod': specExcept('activeDeadlineSeconds', 'tolerations'),
  'v1/ResourceQuota': under('spec.scopes'),
  'v1/Secret': under('data', 'stringData', 'type', 'immutable'),
  'v1/Service': under('spec.clusterIP'),
};

const identity = under('apiVersion', 'kind', 'metadata.name', 'metadata.namespace');

/**
 * Decides which changes replace an object. ConfigMaps and Secrets are replaced when their data changes,
 * unless the provider allows them to be mutated and the live object is not `immutable`.
 */
export function replacementRule(old: PlainProperties, config: ProviderConfig): (change: Change) => boolean {
  const key = groupKind(old.apiVersion ?? '', old.kind ?? '');
  const mutable =
    old.immutable !== true &&
    ((key === 'v1/ConfigMap' && config.enableConfigMapMutable) ||
      (key === 'v1/Secret' && config.enableSecretMutable));
  const fields = mutable ? under('type') : immutableFields[key];
  return ({ path }) => identity(path) || (fields?.(path) ?? false);
}

/** Whether a change moves the object to another name, namespace or kind, so that old and new can coexist. */
export function changesIdentity(change: Change): boolean {
  return identity(change.path);
}
