/** What a rule sees of a resource and how it answers; free of @pulumi/policy so that rules are plain functions. */

/** A resource as the program declares it; secret values arrive unwrapped, so no message may quote one. */
export interface Resource {
  /** Pulumi type token, such as `kubernetes:apps/v1:StatefulSet`. */
  readonly type: string;
  /** Pulumi name. */
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
  /** Outputs that Pulumi encrypts in state besides those the provider marks. */
  readonly additionalSecretOutputs?: readonly string[];
  /** Whether Pulumi refuses to delete it. */
  readonly protect?: boolean;
}

interface RuleDescription {
  /** Kebab-case identifier, used in the enforcement files (`dev.json`, `prod.json`). */
  readonly name: string;
  /** One sentence that says what must hold. */
  readonly description: string;
  /** Page that explains why. */
  readonly url: string;
  readonly severity: 'low' | 'medium' | 'high' | 'critical';
}

/** A rule about one resource at a time. */
export interface ResourceRule extends RuleDescription {
  /** One sentence per violation; empty when the resource satisfies the rule or is none of its business. */
  check(resource: Resource): string[];
}

/** A violation of a rule that looks at the whole stack. */
export interface StackViolation {
  readonly resource: Resource;
  readonly message: string;
}

/** A rule that needs several resources at once. */
export interface StackRule extends RuleDescription {
  checkStack(resources: readonly Resource[]): StackViolation[];
}

export type Rule = ResourceRule | StackRule;

/** Configuration that every rule takes besides its enforcement level. */
export interface RuleConfig {
  /**
   * Why the rule does not apply to an object, by its `Kind/namespace/name` or `Kind/name`; a part `*` stands for any.
   * Default none.
   */
  readonly exempt?: Readonly<Record<string, string>>;
}

/** Whether the rule's configuration exempts the object. */
export function isExempt(resource: Resource, { exempt = {} }: RuleConfig): boolean {
  const parts = objectName(resource).split('/');
  return Object.keys(exempt).some((pattern) => {
    const wanted = pattern.split('/');
    return wanted.length === parts.length && wanted.every((part, at) => part === '*' || part === parts[at]);
  });
}

/** `Kind/namespace/name` of a Kubernetes object, without the namespace where it has none. */
export function objectName({ type, name, props }: Resource): string {
  const metadata = props.metadata as { name?: string; namespace?: string } | undefined;
  return [kindOf(type), metadata?.namespace, metadata?.name ?? name].filter(Boolean).join('/');
}

/** Kubernetes kind in a Pulumi type token; undefined for other providers' resources. */
export function kindOf(type: string): string | undefined {
  return type.startsWith('kubernetes:') ? type.split(':').pop() : undefined;
}

/** Whether a resource is a custom resource of an operator, of any version. */
export function isCustom({ type }: Resource, group: string, kind: string): boolean {
  return type.startsWith(`kubernetes:${group}/`) && kindOf(type) === kind;
}

/** Namespace of a Kubernetes object; `default` where it names none. */
export function namespaceOf({ props }: Resource): string {
  return (props.metadata as { namespace?: string } | undefined)?.namespace ?? 'default';
}

/** Annotations of an object. */
export function annotationsOf({ props }: Resource): Readonly<Record<string, string>> {
  return (props.metadata as { annotations?: Record<string, string> } | undefined)?.annotations ?? {};
}

/** Labels of a Kubernetes object. */
export function labelsOf({ props }: Resource): Readonly<Record<string, string>> {
  return (props.metadata as { labels?: Record<string, string> } | undefined)?.labels ?? {};
}
