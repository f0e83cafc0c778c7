import { type Slot, slotUser } from './credential';
import { labels } from './metadata';
import type { ResolvedPostgresArgs } from './postgres-args';

/**
 * Logins that a rotation replaces by a second one with the same rights, so that the old password stays valid:
 * `app` reads and writes what row security lets it see, `readonly` reads what holds no personal data, `backup` reads
 * every row of every table (for `pg_dump`) and writes nothing, `monitor` reads statistics and no table.
 * @see https://www.postgresql.org/docs/current/predefined-roles.html
 */
export const rotatingRoles = ['app', 'readonly', 'backup', 'monitor'] as const;
export type RotatingRole = (typeof rotatingRoles)[number];

/** Every login with a Secret, by purpose; `owner` is for the platform's own changes and its password is replaced at once. */
export type Credential = 'owner' | RotatingRole;

interface Rights {
  readonly inRoles?: readonly string[];
  readonly bypassrls?: true;
}

/** What the change files cannot grant; they grant the rest to the role of the first slot, which the second is a member of. */
const rights: Readonly<Record<RotatingRole, Rights>> = {
  app: {},
  readonly: {},
  // Without it pg_dump stops at the first table with row security.
  backup: { inRoles: ['pg_read_all_data'], bypassrls: true },
  monitor: { inRoles: ['pg_monitor'] },
};

/** Slots that have a password: one until the first rotation. */
export function slots({ rotation }: Pick<ResolvedPostgresArgs, 'rotation'>): readonly Slot[] {
  return rotation === 1 ? ['a'] : ['a', 'b'];
}

/** Secret that the operator takes a slot's password from. */
export function slotSecret({ name }: Pick<ResolvedPostgresArgs, 'name'>, role: RotatingRole, slot: Slot) {
  return `${name}-${role}-${slot}`;
}

/**
 * Roles as the operator keeps them.
 * @see https://cloudnative-pg.io/documentation/current/declarative_role_management/
 */
export function managedRoles(args: Pick<ResolvedPostgresArgs, 'name' | 'rotation'>) {
  // A role exists before those that are members of it.
  return slots(args).flatMap((slot) =>
    rotatingRoles.map((role) => ({
      name: slotUser(role, slot),
      ensure: 'present',
      login: true,
      inherit: true,
      connectionLimit: -1,
      ...memberships(role, slot),
      passwordSecret: { name: slotSecret(args, role, slot) },
    })),
  );
}

function memberships(role: RotatingRole, slot: Slot): Rights {
  // Attributes such as BYPASSRLS are not inherited, memberships are.
  return slot === 'a' ? rights[role] : { ...rights[role], inRoles: [role] };
}

/** Secrets of the logins, without their passwords: what the operator reads, and what everybody else does. */
export function loginSecrets(args: ResolvedPostgresArgs) {
  const secret = (name: string, username: string, operatorReads: boolean) => ({
    metadata: {
      name,
      namespace: args.namespace,
      // The operator applies a changed password without a restart.
      labels: { ...labels({ name: args.name }), ...(operatorReads ? { 'cnpg.io/reload': 'true' } : {}) },
    },
    type: 'kubernetes.io/basic-auth',
    username,
  });
  return {
    owner: secret(`${args.name}-owner`, args.owner, true),
    slots: rotatingRoles.flatMap((role) =>
      slots(args).map((slot) => ({
        role,
        slot,
        ...secret(slotSecret(args, role, slot), slotUser(role, slot), true),
      })),
    ),
    /** What applications mount, with the login of one slot. */
    current: (role: RotatingRole, slot: Slot) => secret(`${args.name}-${role}`, slotUser(role, slot), false),
  };
}
