/** Logins of an Elasticsearch cluster: who there is, and which Secrets hold them. */
import { type Slot, slotOf, slotUser } from './credential';
import type { ResolvedElasticsearchArgs } from './elasticsearch-args';
import { OWNER_ROLE, ownerRole } from './elasticsearch-roles';
import { labels } from './metadata';

/** Roles of the logins; all but the migrator's are defined by the change files. */
export const elasticsearchRoles = {
  app: 'platform_app',
  readonly: 'platform_readonly',
  migrator: OWNER_ROLE,
  auditor: 'platform_auditor',
  backup: 'platform_backup',
  monitor: 'platform_monitor',
  shipper: 'platform_shipper',
} as const;

/** One of the cluster's logins. */
export type ElasticsearchLogin = keyof typeof elasticsearchRoles;

/** Every login, in the order of {@link elasticsearchRoles}. */
export const elasticsearchLogins = Object.keys(elasticsearchRoles) as ElasticsearchLogin[];

/** Slots whose users exist at a generation, the current one first. */
export function slotsOf(rotation: number): Slot[] {
  const current = slotOf(rotation);
  if (rotation === 1) return [current];
  return [current, current === 'a' ? 'b' : 'a'];
}

/** Name of the Secret of the file realm with one user of a login. */
export function realmSecretName(name: string, login: ElasticsearchLogin, slot: Slot): string {
  return `${name}-user-${slotUser(login, slot)}`;
}

/** User of a login in a slot. */
export function elasticsearchUser(login: ElasticsearchLogin, slot: Slot): string {
  return slotUser(`platform-${login}`, slot);
}

/**
 * Secrets of a login, without passwords: those of the file realm by slot, and the one that is handed out.
 * @see https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/file-based#k8s-basic
 */
export function loginSpec(args: ResolvedElasticsearchArgs, login: ElasticsearchLogin) {
  const metadata = (name: string) => ({
    name,
    namespace: args.namespace,
    labels: labels({ name: args.name }),
  });
  const type = 'kubernetes.io/basic-auth';
  return {
    users: slotsOf(args.rotation).map((slot) => ({
      slot,
      metadata: metadata(realmSecretName(args.name, login, slot)),
      type,
      username: elasticsearchUser(login, slot),
      roles: elasticsearchRoles[login],
    })),
    handedOut: {
      metadata: metadata(`${args.name}-${login}`),
      type,
      username: elasticsearchUser(login, slotOf(args.rotation)),
    },
  };
}

/** Secret with the file of roles that no change file defines. @see https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/defining-roles */
export function rolesSecretSpec({ name, namespace }: ResolvedElasticsearchArgs) {
  return {
    metadata: { name: `${name}-roles`, namespace, labels: labels({ name }) },
    type: 'Opaque',
    // JSON is YAML.
    stringData: { 'roles.yml': `${JSON.stringify({ [OWNER_ROLE]: ownerRole }, undefined, 2)}\n` },
  };
}
