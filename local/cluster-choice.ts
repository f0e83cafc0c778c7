import * as fs from 'node:fs';
import * as path from 'node:path';
import { KubernetesCluster, KubernetesError } from '../migrations/kubernetes/cluster';
import { KIND_CLUSTER, KIND_REGISTRY, kindKubeconfig, kindUsable, startKindCluster } from './kind/kind';
import { startOneNodeCluster } from './one-node';
import { clusterLayout } from './one-node/layout';
import { note } from './progress';
import { pulumiStateFolder } from './pulumi/backend';
import type { StackSettings } from './pulumi/project';
import { UserError } from './user-error';

/** The Kubernetes cluster a stack lives on. */
export type ClusterChoice = { readonly kind: 'context'; readonly context: string } | LocalCluster;

/** A cluster that this project starts and stops by itself. */
export interface LocalCluster {
  readonly kind: 'kind' | 'one-node';
  readonly name: string;
}

/** What the choice depends on. */
export interface ClusterFacts {
  /** Context that the stack's configuration names. */
  readonly kubeContext?: string;
  /** AGENT_DATA_PLATFORM_CLUSTER of a surrounding run, such as the tests' `one-node:test`. */
  readonly inherited?: string;
  /** Cluster that the stack was brought up on before, as {@link clusterId} writes it. */
  readonly recorded?: string;
  /** Whether kind can be used here; asked only when nothing above decides. */
  readonly kindUsable: () => Promise<boolean>;
}

/** Local clusters that can be named in AGENT_DATA_PLATFORM_CLUSTER and in a stack's record. */
const LOCAL = /^(kind|one-node):([a-z0-9-]+)$/;

/**
 * Chooses a stack's cluster: its configured context, else the one a surrounding run or an earlier run of the stack
 * uses, else kind where Docker runs, else the one-node cluster.
 */
export async function chooseCluster(facts: ClusterFacts): Promise<ClusterChoice> {
  if (facts.kubeContext) return { kind: 'context', context: facts.kubeContext };
  const settled = LOCAL.exec(facts.inherited ?? '') ?? LOCAL.exec(facts.recorded ?? '');
  if (settled) return { kind: settled[1] as LocalCluster['kind'], name: settled[2]! };
  return (await facts.kindUsable())
    ? { kind: 'kind', name: KIND_CLUSTER }
    : { kind: 'one-node', name: 'dev' };
}

/** A choice as AGENT_DATA_PLATFORM_CLUSTER spells it: `context`, `kind:<name>` or `one-node:<name>`. */
export function clusterId(choice: ClusterChoice): string {
  return choice.kind === 'context' ? 'context' : `${choice.kind}:${choice.name}`;
}

/** Chooses the cluster of a stack from its settings, the environment and the stack's record. */
export function chooseClusterOf(settings: StackSettings, env = process.env): Promise<ClusterChoice> {
  return chooseCluster({
    kubeContext: settings.kubeContext,
    inherited: env.AGENT_DATA_PLATFORM_CLUSTER,
    recorded: readRecord(settings.stack, env),
    kindUsable,
  });
}

/**
 * Makes the chosen cluster answer and returns the environment that leads to it.
 * @throws UserError when a configured context is missing or does not answer.
 */
export async function openCluster(
  choice: ClusterChoice,
  settings: StackSettings,
): Promise<NodeJS.ProcessEnv> {
  if (choice.kind === 'context') {
    await checkContext(choice.context, settings);
    note(`Cluster: context ${choice.context}`);
    return clusterEnvironment(choice);
  }
  if (choice.kind === 'kind') await startKindCluster(choice.name);
  else await startOneNodeCluster(choice.name);
  note(`Cluster: ${choice.kind} ${choice.name}`);
  return clusterEnvironment(choice);
}

/** Environment that leads Pulumi, its plugins and kubectl to a cluster, whether it runs or not. */
export function clusterEnvironment(choice: ClusterChoice): NodeJS.ProcessEnv {
  const env = { AGENT_DATA_PLATFORM_CLUSTER: clusterId(choice) };
  if (choice.kind === 'context') return env;
  if (choice.kind === 'one-node') return { ...env, KUBECONFIG: clusterLayout(choice.name).kubeconfig };
  return {
    ...env,
    KUBECONFIG: kindKubeconfig(choice.name),
    AGENT_DATA_PLATFORM_IMAGE_REGISTRY: KIND_REGISTRY,
  };
}

async function checkContext(context: string, settings: StackSettings): Promise<void> {
  const where = `${path.basename(settings.file)} (agent-data-platform:kubeContext)`;
  try {
    await KubernetesCluster.load({ context }).request('GET', '/version', { timeoutMs: 5000 });
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.reason === 'NoContext' || error.reason === 'NoCluster')
      throw new UserError(
        error.message,
        `Add the context to your kubeconfig, or change or remove it in ${where}.`,
      );
    if (error.status === 401 || error.status === 403)
      throw new UserError(
        `The cluster of context "${context}" refuses your credentials: ${error.message}`,
        `Log in to it again, until \`kubectl --context ${context} version\` works.`,
      );
    throw new UserError(
      error.message,
      `Check that \`kubectl --context ${context} version\` works from here (VPN, firewall), or change or remove the context in ${where}.`,
    );
  }
}

/** Remembers the local cluster that holds a stack, so that a later run does not look for it elsewhere. */
export function recordCluster(stack: string, choice: ClusterChoice, env = process.env): void {
  if (choice.kind === 'context') return forgetCluster(stack, env);
  fs.mkdirSync(pulumiStateFolder(env), { recursive: true, mode: 0o700 });
  fs.writeFileSync(recordFile(stack, env), clusterId(choice));
}

/** Removes a stack's record, once nothing of it is left on the cluster. */
export function forgetCluster(stack: string, env = process.env): void {
  fs.rmSync(recordFile(stack, env), { force: true });
}

function readRecord(stack: string, env: NodeJS.ProcessEnv): string | undefined {
  try {
    return fs.readFileSync(recordFile(stack, env), 'utf8').trim();
  } catch {
    return undefined;
  }
}

function recordFile(stack: string, env: NodeJS.ProcessEnv): string {
  return path.join(pulumiStateFolder(env), `cluster-of-${stack}`);
}
