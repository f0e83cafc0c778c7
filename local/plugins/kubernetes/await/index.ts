import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesCluster, KubernetesError } from '../../../../migrations/kubernetes/cluster';
import type { PlainProperties } from '../../marshalling';
import type { Host } from '../../provider';
import { annotation } from '../config';
import { describe } from '../kinds';
import { clusterEvidence, explainPods } from './pods';
import { type Surroundings, ruleFor } from './readiness';
import { type Verdict, ready } from './verdict';
import { parseWaitFor } from './wait-for';

const defaultTimeoutSeconds = 600;
const firstPollMs = 200;
const slowestPollMs = 2000;
/** Pods are only looked at after this long: most become ready without being asked. */
const explainAfterMs = 3000;

interface Wait {
  readonly urn: string;
  /** The inputs: their annotations steer the wait. */
  readonly inputs: PlainProperties;
  readonly object: PlainProperties;
  /** Seconds; 0 means the annotation or the default of 600. */
  readonly timeout: number;
}

/** Outcome of waiting: the last state seen, and why it is not ready. */
export interface Outcome {
  readonly live: PlainProperties;
  readonly reasons: string[];
}

/** Waits for objects to become ready by the rules of the official plugin. */
export class Awaiter {
  private readonly surroundings: Surroundings;

  constructor(
    private readonly cluster: KubernetesCluster,
    private readonly host: Host,
  ) {
    this.surroundings = clusterSurroundings(cluster);
  }

  /** Waits until the object is ready, has failed, or the time is up. */
  async untilReady({ urn, inputs, object, timeout }: Wait): Promise<Outcome> {
    const judge = this.judgeFor(inputs);
    if (!judge) return { live: object, reasons: [] };
    const started = Date.now();
    const seconds = timeout || Number(annotation(inputs, 'timeoutSeconds')) || defaultTimeoutSeconds;
    let live = object;
    let lastStatus = '';
    for (let pollMs = firstPollMs; ; pollMs = Math.min(pollMs * 1.5, slowestPollMs)) {
      const verdict = await judge(live);
      if (verdict.ready) return { live, reasons: [] };
      const elapsed = Date.now() - started;
      const overdue = elapsed >= seconds * 1000;
      const stop = overdue || verdict.failed !== undefined || this.host.cancelled.aborted;
      const pods = stop || elapsed > explainAfterMs ? await this.explain(live) : [];
      if (stop) return { live, reasons: [this.summary(live, verdict, seconds, overdue), ...pods] };
      const status = [verdict.status, ...pods].join('; ');
      if (status !== lastStatus) this.host.log.status(urn, status);
      lastStatus = status;
      await delay(pollMs);
      const next = await this.reread(live);
      if (!next) return this.vanished(live);
      live = next;
    }
  }

  /** Judges the object as it is now. */
  async reasonsNotReady(inputs: PlainProperties, live: PlainProperties): Promise<string[]> {
    const verdict = (await this.judgeFor(inputs)?.(live)) ?? ready;
    return verdict.ready ? [] : [`${describe(live)} is not ready: ${verdict.status}`];
  }

  private judgeFor(
    inputs: PlainProperties,
  ): ((live: PlainProperties) => Verdict | Promise<Verdict>) | undefined {
    if (annotation(inputs, 'skipAwait') === 'true') return undefined;
    const waitFor = annotation(inputs, 'waitFor');
    if (waitFor !== undefined) {
      const expectations = parseWaitFor(waitFor);
      return (live) => expectations.map((expect) => expect(live)).find((verdict) => !verdict.ready) ?? ready;
    }
    const rule = ruleFor(inputs);
    return rule && ((live) => rule(live, this.surroundings));
  }

  private summary(live: PlainProperties, verdict: Verdict, seconds: number, overdue: boolean): string {
    if (verdict.failed !== undefined) return `${describe(live)}: ${verdict.failed}`;
    const why = overdue ? `is not ready after ${seconds} s` : 'was not ready when the update was cancelled';
    return `${describe(live)} ${why}: ${verdict.status}`;
  }

  /** The object again; the last state when the API server is away for a moment; undefined when it is gone. */
  private async reread(object: PlainProperties): Promise<PlainProperties | undefined> {
    const { apiVersion, kind, metadata } = object;
    try {
      return await this.cluster.read(apiVersion, kind, metadata.namespace, metadata.name);
    } catch (error) {
      if (error instanceof KubernetesError && (error.status === 0 || error.status >= 500)) return object;
      throw error;
    }
  }

  private vanished(live: PlainProperties): Outcome {
    // A finished Job with a time to live is deleted by its controller, perhaps between two looks.
    if (live.kind === 'Job' && live.spec?.ttlSecondsAfterFinished !== undefined) return { live, reasons: [] };
    return { live, reasons: [`${describe(live)} was deleted while waiting for it`] };
  }

  private async explain({ spec, metadata, kind, apiVersion }: PlainProperties): Promise<string[]> {
    const labels: [string, string][] = Object.entries(spec?.selector?.matchLabels ?? {});
    const evidence = clusterEvidence(this.cluster);
    if (kind === 'Pod' && apiVersion === 'v1') {
      const pod = await this.cluster.read('v1', 'Pod', metadata.namespace, metadata.name);
      return pod ? explainPods([pod], evidence) : [];
    }
    if (labels.length === 0 || !metadata.namespace) return [];
    const selector = labels.map(([key, value]) => `${key}=${value}`).join(',');
    // Explanations are extra: a failure to get them must not hide the verdict.
    return this.cluster
      .list('v1', 'Pod', metadata.namespace, selector)
      .then((pods) => explainPods(pods, evidence))
      .catch(() => []);
  }
}

function clusterSurroundings(cluster: KubernetesCluster): Surroundings {
  return {
    async readyEndpoints(namespace, service) {
      const selector = `kubernetes.io/service-name=${service}`;
      const slices = await cluster.list('discovery.k8s.io/v1', 'EndpointSlice', namespace, selector);
      const endpoints: PlainProperties[] = slices.flatMap((slice) => slice.endpoints ?? []);
      return endpoints.filter(({ conditions }) => conditions?.ready !== false).length;
    },
    async volumeBindingMode(storageClass) {
      const found = await cluster.read('storage.k8s.io/v1', 'StorageClass', undefined, storageClass);
      return found?.volumeBindingMode;
    },
  };
}
