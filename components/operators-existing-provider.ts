import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster, KubernetesError } from '../migrations/kubernetes/cluster';
import { isOffline } from './manifest-bundle/engine';
import { rolloutState } from './manifest-bundle/wait';
import type { OperatorRequirement } from './operators-existing';

/** Provider method: finds the operator at every preview and update; a preview without a cluster says so and goes on. */
export async function checkRequirement(inputs: OperatorRequirement) {
  try {
    await assertOperator(KubernetesCluster.load({ context: inputs.context }), inputs);
    return { inputs, failures: [] };
  } catch (error) {
    if (isOffline(error)) {
      console.log(`operator ${inputs.operator} not checked: ${(error as Error).message}`);
      return { inputs, failures: [] };
    }
    return { inputs, failures: [{ property: 'operator', reason: (error as Error).message }] };
  }
}

/** Provider method: the same check where an unreachable cluster is an error. */
export async function requireOperator(inputs: OperatorRequirement) {
  await assertOperator(KubernetesCluster.load({ context: inputs.context }), inputs);
  return { id: inputs.definition, outs: inputs };
}

/** The operator that `existing` promises is not there, or cannot work. */
export class MissingOperatorError extends Error {
  constructor(operator: string, what: string) {
    super(
      `missing operator with \`existing\`: ${operator} ${what}; install it, or set operators to "managed" to have it installed.`,
    );
    this.name = 'MissingOperatorError';
  }
}

/**
 * Checks that an operator's definition is served and its workload is available.
 * @throws MissingOperatorError saying which of the two is not.
 */
export async function assertOperator(
  cluster: KubernetesCluster,
  { operator, definition, version, workload }: OperatorRequirement,
): Promise<void> {
  const dot = definition.indexOf('.');
  const [plural, group] = [definition.slice(0, dot), definition.slice(dot + 1)];
  const served = await cluster
    .request<{ resources: { name: string }[] }>('GET', `/apis/${group}/${version}`)
    .catch((error: KubernetesError) => {
      if (error.status === 404) return { resources: [] };
      throw error;
    });
  if (!served.resources.some(({ name }) => name === plural)) {
    throw new MissingOperatorError(operator, `has no ${definition} of version ${version} in the cluster`);
  }
  const { kind, selectors } = workload;
  const found = await Promise.all(
    selectors.map((selector) => cluster.list('apps/v1', kind, undefined, selector)),
  );
  const states = found.flat().map((object) => ({ object, state: rolloutState(object) }));
  if (states.length === 0) {
    throw new MissingOperatorError(
      operator,
      `has no ${kind} labelled ${selectors.join(' or ')} in any namespace`,
    );
  }
  if (states.some(({ state }) => state === undefined)) return;
  const [{ object, state }] = states as [(typeof states)[number]];
  const { namespace, name } = object.metadata;
  throw new MissingOperatorError(operator, `is not available (${kind} ${namespace}/${name}: ${state})`);
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  check: (_olds, news) => checkRequirement(news),
  create: requireOperator,
};
