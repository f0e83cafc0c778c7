import { ownServiceAccount, rbacWithoutWildcards, serviceAccountToken } from './access';
import { resource, statefulSet } from './fixtures';

describe('service-account-token', () => {
  test('a pod without a token passes, and so does what runs no pods', () => {
    expect(serviceAccountToken.check(statefulSet({}))).toEqual([]);
    expect(serviceAccountToken.check(resource('core/v1:ConfigMap', 'settings', {}))).toEqual([]);
  });

  test.each([[undefined], [true]])('automountServiceAccountToken %j mounts one', (automount) => {
    const spoiled = statefulSet({ pod: { automountServiceAccountToken: automount } });
    expect(serviceAccountToken.check(spoiled)).toEqual([
      'StatefulSet/data/redis mounts a ServiceAccount token; set automountServiceAccountToken: false, or exempt it with a reason.',
    ]);
  });
});

describe('own-service-account', () => {
  test('a store with an account of its own passes, and so does what keeps no data', () => {
    expect(ownServiceAccount.check(statefulSet({}))).toEqual([]);
    const stateless = { spec: { volumeClaimTemplates: [] }, pod: { serviceAccountName: undefined } };
    expect(ownServiceAccount.check(statefulSet(stateless))).toEqual([]);
  });

  test.each([[undefined], ['default']])('%j is shared with whatever names none', (serviceAccountName) => {
    expect(ownServiceAccount.check(statefulSet({ pod: { serviceAccountName } }))).toEqual([
      'StatefulSet/data/redis runs as the default ServiceAccount; set serviceAccountName.',
    ]);
  });
});

describe('rbac-without-wildcards', () => {
  const role = (rule: object) =>
    resource('rbac.authorization.k8s.io/v1:Role', 'reader', { rules: [{ verbs: ['get'] }, rule] });
  const binding = (name: string) =>
    resource('rbac.authorization.k8s.io/v1:RoleBinding', 'reader', {
      roleRef: { kind: 'ClusterRole', name },
    });

  test('listed rights pass', () => {
    const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };
    expect(rbacWithoutWildcards.check(role(rule))).toEqual([]);
    expect(rbacWithoutWildcards.check(binding('view'))).toEqual([]);
  });

  test('each wildcard is a violation', () => {
    expect(rbacWithoutWildcards.check(role({ apiGroups: ['*'], resources: ['pods'], verbs: ['*'] }))).toEqual(
      [
        'Role/data/reader grants "*" at rules[1].apiGroups; list what is needed.',
        'Role/data/reader grants "*" at rules[1].verbs; list what is needed.',
      ],
    );
  });

  test('cluster-admin is every wildcard at once', () => {
    expect(rbacWithoutWildcards.check(binding('cluster-admin'))).toEqual([
      'RoleBinding/data/reader binds cluster-admin; bind a role that lists what is needed.',
    ]);
  });
});
