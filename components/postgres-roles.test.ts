import { resolvePostgresArgs } from './postgres-args';
import { loginSecrets, managedRoles } from './postgres-roles';

const role = (name: string, secret: string, more: object = {}) => ({
  name,
  ensure: 'present',
  login: true,
  inherit: true,
  connectionLimit: -1,
  ...more,
  passwordSecret: { name: secret },
});
const first = [
  role('app', 'postgres-app-a'),
  role('readonly', 'postgres-readonly-a'),
  role('backup', 'postgres-backup-a', { inRoles: ['pg_read_all_data'], bypassrls: true }),
  role('monitor', 'postgres-monitor-a', { inRoles: ['pg_monitor'] }),
];

it('has one login for each role until the first rotation', () => {
  expect(managedRoles({ name: 'postgres', rotation: 1 })).toEqual(first);
});

it.each([2, 3])('has a second one from then on, a member of the first (rotation %i)', (rotation) => {
  expect(managedRoles({ name: 'postgres', rotation })).toEqual([
    ...first,
    role('app-b', 'postgres-app-b', { inRoles: ['app'] }),
    role('readonly-b', 'postgres-readonly-b', { inRoles: ['readonly'] }),
    role('backup-b', 'postgres-backup-b', { inRoles: ['backup'], bypassrls: true }),
    role('monitor-b', 'postgres-monitor-b', { inRoles: ['monitor'] }),
  ]);
});

it('has Secrets that the operator reloads, and others that applications mount', () => {
  const resources = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '256Mi' } };
  const required = { namespace: 'data', image: 'registry.local/postgres:17', instances: 1, resources };
  const args = resolvePostgresArgs({ ...required, storage: { size: '5Gi' }, rotation: 2 });
  const secret = (name: string, username: string, more: object = { 'cnpg.io/reload': 'true' }) => ({
    metadata: {
      name,
      namespace: 'data',
      labels: {
        'app.kubernetes.io/name': 'postgres',
        'app.kubernetes.io/part-of': 'agent-data-platform',
        'app.kubernetes.io/managed-by': 'pulumi',
        ...more,
      },
    },
    type: 'kubernetes.io/basic-auth',
    username,
  });
  const { owner, slots, current } = loginSecrets(args);
  expect(owner).toEqual(secret('postgres-owner', 'platform_owner'));
  expect(slots.slice(0, 2)).toEqual([
    { role: 'app', slot: 'a', ...secret('postgres-app-a', 'app') },
    { role: 'app', slot: 'b', ...secret('postgres-app-b', 'app-b') },
  ]);
  expect(slots).toHaveLength(8);
  expect(current('app', 'a')).toEqual(secret('postgres-app', 'app', {}));
  expect(current('backup', 'b')).toEqual(secret('postgres-backup', 'backup-b', {}));
});
