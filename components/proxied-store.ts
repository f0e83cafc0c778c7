import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { authProxyUsers, bearerToken, credentialsKeys } from './auth-proxy';
import { credential, slotOf, slotUser } from './credential';
import { checksum } from './metadata';
import { ProxyUsers } from './proxied-store-users';
import type { ProxiedStoreSpec } from './proxied-store-spec';

/** What the specification of a proxied store leaves open. */
export interface ProxiedStoreDeclaration {
  readonly spec: ProxiedStoreSpec;
  /** Counts rotations of every role's password, from 1; two in a row revoke a password. */
  readonly rotation: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/**
 * Declares the objects of a proxied store as children of its component, with generated credentials per role.
 * @returns the StatefulSet, and the names of the roles' Secrets by role, known once the proxy takes what is in them.
 */
export function declareProxiedStore(
  name: string,
  { spec, rotation, context }: ProxiedStoreDeclaration,
  parent: pulumi.Resource,
) {
  const logins = roleLogins(name, Object.keys(spec.roles), rotation, parent);
  const users = pulumi.output(Object.values(logins).flat()).apply(authProxyUsers);
  const accepted = pulumi.unsecret(users.apply(checksum));
  const data = { [credentialsKeys.users]: users, [credentialsKeys.checksum]: accepted };
  const dependsOn: pulumi.Resource[] = [
    new k8s.core.v1.ServiceAccount(name, spec.serviceAccount, { parent }),
    new k8s.core.v1.ConfigMap(name, spec.configMap, { parent }),
    new k8s.core.v1.Secret(`${name}-proxy`, { ...spec.credentials, stringData: data }, { parent }),
    new k8s.core.v1.Service(`${name}-nodes`, spec.services.nodes, { parent }),
    new k8s.networking.v1.NetworkPolicy(name, spec.networkPolicy, { parent }),
  ];
  const workload = new k8s.apps.v1.StatefulSet(name, spec.statefulSet, {
    parent,
    dependsOn,
    customTimeouts: { create: '15m', update: '15m', delete: '10m' },
  });
  for (const service of spec.services.clients)
    new k8s.core.v1.Service(service.metadata.name, service, { parent, dependsOn: workload });
  const taken = declareUsers(name, { spec, context }, accepted, { parent, dependsOn: workload });
  const secretNames = Object.fromEntries(
    Object.entries(spec.roles).map(([role, secret]) => {
      const stringData = secretData(spec.scheme, logins[role]![0]!);
      const options = { parent, dependsOn: taken };
      const { metadata } = new k8s.core.v1.Secret(`${name}-${role}`, { ...secret, stringData }, options);
      return [role, metadata.name];
    }),
  );
  return { workload, secretNames };
}

/** Done once the proxy takes the users with this checksum. */
function declareUsers(
  name: string,
  { spec, context }: Omit<ProxiedStoreDeclaration, 'rotation'>,
  accepted: pulumi.Output<string>,
  options: pulumi.CustomResourceOptions,
) {
  const { metadata } = spec.statefulSet;
  const inputs = {
    namespace: metadata.namespace,
    pod: `${metadata.name}-0`,
    port: spec.healthPort,
    tlsSecret: spec.tlsSecret,
    serverName: metadata.name,
    context,
    checksum: accepted,
  };
  return new ProxyUsers(`${name}-users`, inputs, options);
}

type RoleLogin = { readonly user: string; readonly password: pulumi.Output<string> };

/** By role the current login, and after it the one that stays valid until the next rotation. */
function roleLogins(
  name: string,
  roles: readonly string[],
  rotation: number,
  parent: pulumi.Resource,
): Record<string, RoleLogin[]> {
  return Object.fromEntries(
    roles.map((role) => {
      const { slot, current, previous } = credential(`${name}-${role}`, rotation, parent);
      const login = { user: slotUser(role, slot), password: current };
      if (!previous) return [role, [login]];
      return [role, [login, { user: slotUser(role, slotOf(rotation - 1)), password: previous }]];
    }),
  );
}

function secretData(
  scheme: ProxiedStoreSpec['scheme'],
  { user, password }: RoleLogin,
): Record<string, pulumi.Input<string>> {
  if (scheme === 'basic') return { username: user, password };
  const token = password.apply((clear) => bearerToken({ user, password: clear }));
  return { token };
}
