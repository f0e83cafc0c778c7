import type { V1LabelSelector, V1PodDisruptionBudgetSpec, V1StatefulSetSpec } from '@kubernetes/client-node';
import { podTemplate } from './pods';
import { kindOf, objectName, Resource, StackRule } from './rule';

/** A StatefulSet with several replicas has a PodDisruptionBudget that selects its pods. */
export const disruptionBudget: StackRule = {
  name: 'disruption-budget',
  description: 'Every StatefulSet with more than one replica has a PodDisruptionBudget for its pods.',
  url: 'https://kubernetes.io/docs/tasks/run-application/configure-pdb/',
  severity: 'high',
  checkStack: (resources) => {
    const budgets = resources.filter(({ type }) => kindOf(type) === 'PodDisruptionBudget');
    return resources.filter(isReplicated).flatMap((resource) => {
      if (budgets.some((budget) => covers(budget, resource))) return [];
      return [
        {
          resource,
          message: `${objectName(resource)} has ${replicas(resource)} replicas and no PodDisruptionBudget selects its pods; declare one in its namespace.`,
        },
      ];
    });
  },
};

function replicas({ props }: Resource): number {
  return (props.spec as Partial<V1StatefulSetSpec> | undefined)?.replicas ?? 1;
}

function isReplicated(resource: Resource): boolean {
  return kindOf(resource.type) === 'StatefulSet' && replicas(resource) > 1;
}

function covers(budget: Resource, workload: Resource): boolean {
  const selector = (budget.props.spec as V1PodDisruptionBudgetSpec | undefined)?.selector;
  const labels = podTemplate(workload)?.metadata?.labels ?? {};
  return namespaceOf(budget) === namespaceOf(workload) && matches(selector, labels);
}

function namespaceOf({ props }: Resource): string {
  return (props.metadata as { namespace?: string } | undefined)?.namespace ?? 'default';
}

/** Label selector semantics of the API: all terms must hold, and an empty selector selects every pod. */
function matches(selector: V1LabelSelector | undefined, labels: Record<string, string>): boolean {
  if (!selector) return false;
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    equal &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const listed = value !== undefined && values.includes(value);
      return operator === 'In' ? listed : !listed;
    })
  );
}
