import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { authProxyCredentials, credentialsKey } from './auth-proxy';
import { checksum } from './metadata';
import { generatedPassword } from './password';
import type { ProxiedStoreSpec } from './proxied-store-spec';

/**
 * Declares the objects of a proxied store as children of its component, with a generated credential per role.
 * @returns the StatefulSet, and the names of the roles' Secrets by role.
 */
export function declareProxiedStore(name: string, spec: ProxiedStoreSpec, parent: pulumi.Resource) {
  const passwords = Object.fromEntries(
    Object.keys(spec.roles).map((role) => [role, generatedPassword(`${name}-${role}`, parent)]),
  );
  const credentials = pulumi.output(passwords).apply((clear) =>
    authProxyCredentials(
      spec.scheme,
      Object.entries(clear).map(([role, secret]) => ({ role, secret })),
    ),
  );
  const secrets = Object.entries(spec.roles).map(([role, secret]) => {
    const password = passwords[role]!;
    const stringData: Record<string, pulumi.Input<string>> = spec.scheme === 'basic'
      ? { username: role, password }
      : { token: password };
    return new k8s.core.v1.Secret(`${name}-${role}`, { ...secret, stringData }, { parent });
  });
  const dependsOn: pulumi.Resource[] = [
    new k8s.core.v1.ConfigMap(name, spec.configMap, { parent }),
    new k8s.core.v1.Secret(
      `${name}-proxy`,
      { ...spec.credentials, stringData: { [credentialsKey]: credentials } },
      { parent },
    ),
    new k8s.core.v1.Service(`${name}-nodes`, spec.services.nodes, { parent }),
    new k8s.networking.v1.NetworkPolicy(name, spec.networkPolicy, { parent }),
  ];
  const workload = new k8s.apps.v1.StatefulSet(name, withCredentialsChecksum(spec, credentials), {
    parent,
    dependsOn,
    customTimeouts: { create: '15m', update: '15m', delete: '10m' },
  });
  for (const service of spec.services.clients)
    new k8s.core.v1.Service(service.metadata.name, service, { parent, dependsOn: workload });
  const secretNames = Object.fromEntries(
    Object.keys(spec.roles).map((role, index) => [role, secrets[index]!.metadata.name]),
  );
  return { workload, secretNames };
}

/** The proxy reads tokens when it starts, so that a new one must replace the pod. */
function withCredentialsChecksum(
  { statefulSet, scheme }: ProxiedStoreSpec,
  credentials: pulumi.Output<string>,
) {
  if (scheme === 'basic') return statefulSet;
  const { template } = statefulSet.spec;
  const annotations = {
    ...template.metadata.annotations,
    'agent-data-platform/credentials-checksum': pulumi.unsecret(credentials.apply(checksum)),
  };
  return {
    ...statefulSet,
    spec: {
      ...statefulSet.spec,
      template: { ...template, metadata: { ...template.metadata, annotations } },
    },
  };
}
