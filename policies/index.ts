import { Policies, PolicyPack, PolicyResource, ResourceValidationArgs } from '@pulumi/policy';
import { isExempt, Resource, Rule, RuleConfig } from './rule';
import { rules } from './rules';

/** Reasons by object: an exemption without a reason is refused. */
const exemptions = {
  type: 'object' as const,
  additionalProperties: { type: 'string' as const, minLength: 15 },
};

/** Enforcement levels come from `dev.json` and `prod.json`; without such a file every rule is mandatory. */
new PolicyPack('agent-data-platform', { enforcementLevel: 'mandatory', policies: rules.map(asPolicy) });

function asPolicy(rule: Rule): Policies[number] {
  const { name, description, url, severity } = rule;
  const common = {
    name,
    description,
    url,
    severity,
    configSchema: { properties: { exempt: exemptions } },
  };
  if ('check' in rule) {
    return {
      ...common,
      validateResource: (args, report) => {
        const resource = asResource(args);
        if (!isExempt(resource, args.getConfig<RuleConfig>())) rule.check(resource).forEach((m) => report(m));
      },
    };
  }
  return {
    ...common,
    validateStack: (args, report) => {
      const config = args.getConfig<RuleConfig>();
      const urns = new Map(args.resources.map((resource) => [asResource(resource), resource.urn]));
      for (const { resource, message } of rule.checkStack([...urns.keys()]))
        if (!isExempt(resource, config)) report(message, urns.get(resource));
    },
  };
}

function asResource({ type, name, props, opts }: ResourceValidationArgs | PolicyResource): Resource {
  const { additionalSecretOutputs, protect } = opts;
  return { type, name, props, additionalSecretOutputs, protect };
}
