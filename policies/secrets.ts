import { eachContainer } from './pods';
import { kindOf, objectName, Resource, ResourceRule } from './rule';

/** Names that hold a credential, and not merely a path, name or time to live of one. */
const credentialName =
  /(pass(word|wd)?|secret|secret_?key|token|api_?key|access_?key|private_?key|credentials?)$/i;

/** `scheme://user:password@host`, where the password is not a reference to be filled in. */
const credentialUrl = /\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:(?!\$)[^\s/@]+@/i;

/** Credentials reach a pod by reference: never as text in an environment variable, an argument or a ConfigMap. */
export const noLiteralCredentials: ResourceRule = {
  name: 'no-literal-credentials',
  description: 'Credentials reach pods by secretKeyRef or volume, never as text in the object.',
  url: 'https://kubernetes.io/docs/concepts/security/secrets-good-practices/',
  severity: 'critical',
  check: (resource) => [...inContainers(resource), ...inConfigMap(resource)],
};

/** Pulumi encrypts a Secret's data in state only when both of its fields are marked. */
export const secretDataEncrypted: ResourceRule = {
  name: 'secret-data-encrypted',
  description:
    'The data of every Secret is marked secret, so that Pulumi encrypts it in state and hides it in diffs.',
  url: 'https://www.pulumi.com/docs/iac/concepts/secrets/',
  severity: 'critical',
  check: (resource) => {
    if (resource.type !== 'kubernetes:core/v1:Secret') return [];
    const marked = resource.additionalSecretOutputs ?? [];
    const missing = ['data', 'stringData'].filter(
      (field) => field in resource.props && !marked.includes(field),
    );
    if (missing.length === 0) return [];
    return [
      `${objectName(resource)} does not mark ${missing.join(' and ')} as secret; declare it with kubernetes.core.v1.Secret or additionalSecretOutputs.`,
    ];
  },
};

function inContainers(resource: Resource): string[] {
  return eachContainer(resource, ({ name, env, args, command }) => {
    const where = `container ${name} of ${objectName(resource)}`;
    const variables = (env ?? []).filter(
      (variable) =>
        variable.value && (credentialName.test(variable.name) || credentialUrl.test(variable.value)),
    );
    return [
      ...variables.map(
        (variable) => `${where} has a credential as text in ${variable.name}; use valueFrom.secretKeyRef.`,
      ),
      ...([...(command ?? []), ...(args ?? [])].some((argument) => credentialUrl.test(argument))
        ? [`${where} has a URL with a password in its command; pass it by secretKeyRef.`]
        : []),
    ];
  });
}

function inConfigMap(resource: Resource): string[] {
  if (kindOf(resource.type) !== 'ConfigMap') return [];
  const data = (resource.props.data ?? {}) as Record<string, string>;
  return Object.entries(data)
    .filter(([key, value]) => credentialName.test(key) || credentialUrl.test(value))
    .map(([key]) => `${objectName(resource)} holds a credential in ${key}; move it to a Secret.`);
}
