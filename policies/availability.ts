import type { V1LabelSelector, V1PodDisruptionBudgetSpec, V1StatefulSetSpec } from '@kubernetes/client-node';
import { podTemplate } from './pods';
import { kindOf, namespaceOf, objectName, Resource, ResourceRule, StackRule } from './rule';
import { isElasticsearch, isPostgres, isStatefulStore, masterNodes, nodeSets } from './stores';

/** A workload with several replicas has a PodDisruptionBudget that selects its pods; operators make those of theirs. */
export const disruptionBudget: StackRule = {
  name: 'disruption-budget',
  description: 'Every workload with more than one replica has a PodDisruptionBudget for its pods.',
  url: 'https://kubernetes.io/docs/tasks/run-application/configure-pdb/',
  severity: 'high',
  checkStack: (resources) => {
    const budgets = resources.filter(({ type }) => kindOf(type) === 'PodDisruptionBudget');
    const switchedOff = resources.flatMap((resource) => {
      const field = ownBudgetOff(resource);
      if (field === undefined) return [];
      const message = `${objectName(resource)} has several members and ${field}, so that all may be taken away at once; remove it.`;
      return [{ resource, message }];
    });
    const uncovered = resources.filter(isReplicated).flatMap((resource) => {
      if (budgets.some((budget) => covers(budget, resource))) return [];
      return [
        {
          resource,
          message: `${objectName(resource)} has ${replicas(resource)} replicas and no PodDisruptionBudget selects its pods; declare one in its namespace.`,
        },
      ];
    });
    return [...switchedOff, ...uncovered];
  },
};

/** The field by which an operator is told to make no budget for a store of several members. */
function ownBudgetOff(resource: Resource): string | undefined {
  const spec = (resource.props.spec ?? {}) as {
    instances?: number;
    enablePDB?: boolean;
    podDisruptionBudget?: object;
  };
  if (isPostgres(resource) && (spec.instances ?? 1) > 1 && spec.enablePDB === false)
    return 'enablePDB: false';
  const nodes = nodeSets(resource).reduce((sum, { count = 1 }) => sum + count, 0);
  const { podDisruptionBudget: budget } = spec;
  const empty = budget !== undefined && Object.keys(budget).length === 0;
  return isElasticsearch(resource) && nodes > 1 && empty ? 'an empty podDisruptionBudget' : undefined;
}

const minimumReplicas = 3;

/** A store survives the loss of a node; PostgreSQL has a rule of its own. */
export const storesReplicated: ResourceRule = {
  name: 'stores-replicated',
  description: `Every store that can be replicated has at least ${minimumReplicas} members.`,
  url: 'https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/',
  severity: 'high',
  check: (resource) => {
    const [members, what] = isElasticsearch(resource)
      ? [masterNodes(resource), 'nodes that can be master']
      : [replicas(resource), 'replicas'];
    if (!isElasticsearch(resource) && !isStatefulStore(resource)) return [];
    if (members >= minimumReplicas) return [];
    return [`${objectName(resource)} has ${members} ${what}; it needs at least ${minimumReplicas}.`];
  },
};

function replicas({ props }: Resource): number {
  return (props.spec as Partial<V1StatefulSetSpec> | undefined)?.replicas ?? 1;
}

function isReplicated(resource: Resource): boolean {
  return /^(StatefulSet|Deployment)$/.test(kindOf(resource.type) ?? '') && replicas(resource) > 1;
}

function covers(budget: Resource, workload: Resource): boolean {
  const selector = (budget.props.spec as V1PodDisruptionBudgetSpec | undefined)?.selector;
  const labels = podTemplate(workload)?.metadata?.labels ?? {};
  return namespaceOf(budget) === namespaceOf(workload) && matches(selector, labels);
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
