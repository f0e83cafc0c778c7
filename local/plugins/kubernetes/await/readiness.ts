import type { PlainProperties } from '../../marshalling';
import { groupKind } from '../kinds';
import { type Verdict, conditionOf, detail, failed, pending, ready } from './verdict';

/** Reads the cluster for rules that depend on more than the object itself. */
export interface Surroundings {
  /** Number of ready addresses behind a Service. */
  readyEndpoints(namespace: string, service: string): Promise<number>;
  /** Binding mode of a storage class; undefined when the class is not found. */
  volumeBindingMode(storageClass: string): Promise<string | undefined>;
}

type Rule = (object: PlainProperties, surroundings: Surroundings) => Verdict | Promise<Verdict>;

/** When an object of a kind is ready; kinds without a rule are ready once they exist. */
const rules: Readonly<Record<string, Rule>> = {
  'apiextensions.k8s.io/CustomResourceDefinition': customResourceDefinition,
  'apps/DaemonSet': daemonSet,
  'apps/Deployment': deployment,
  'apps/StatefulSet': statefulSet,
  'batch/Job': job,
  'v1/Namespace': ({ status }) =>
    status?.phase === 'Active' ? ready : pending(`phase ${status?.phase ?? 'unknown'}`),
  'v1/PersistentVolume': ({ status }) =>
    ['Available', 'Bound'].includes(status?.phase) ? ready : pending(`phase ${status?.phase ?? 'unknown'}`),
  'v1/PersistentVolumeClaim': persistentVolumeClaim,
  'v1/Pod': pod,
  'v1/ReplicationController': replicationController,
  'v1/Secret': serviceAccountToken,
  'v1/Service': service,
};

/** The rule for an object's kind. */
export function ruleFor({ apiVersion, kind }: PlainProperties): Rule | undefined {
  return rules[groupKind(apiVersion, kind)];
}

function observed({ metadata, status }: PlainProperties): boolean {
  return (status?.observedGeneration ?? 0) >= metadata.generation;
}

const unobserved = pending('waiting for the controller to see the change');

function deployment(object: PlainProperties): Verdict {
  if (!observed(object)) return unobserved;
  if (object.spec.paused) return ready;
  const wanted = object.spec.replicas ?? 1;
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = object.status;
  if (updatedReplicas >= wanted && availableReplicas >= wanted && replicas === updatedReplicas) return ready;
  const progressing = conditionOf(object, 'Progressing');
  const stuck = progressing?.status === 'False' ? detail(progressing) : '';
  const refused = detail(conditionOf(object, 'ReplicaFailure'));
  const old = replicas > updatedReplicas ? `, ${replicas - updatedReplicas} old left` : '';
  return pending(`${availableReplicas} of ${wanted} replicas available${old}${stuck}${refused}`);
}

function statefulSet(object: PlainProperties): Verdict {
  if (!observed(object)) return unobserved;
  const { updateStrategy = {}, replicas: wanted = 1 } = object.spec;
  const { readyReplicas = 0, updatedReplicas = 0, updateRevision, currentRevision } = object.status;
  if (readyReplicas < wanted) return pending(`${readyReplicas} of ${wanted} replicas ready`);
  if (updateStrategy.type === 'OnDelete') return ready;
  const toUpdate = Math.max(wanted - (updateStrategy.rollingUpdate?.partition ?? 0), 0);
  if (toUpdate === wanted ? updateRevision === currentRevision : updatedReplicas >= toUpdate) return ready;
  return pending(`${updatedReplicas} of ${toUpdate} replicas updated`);
}

function daemonSet(object: PlainProperties): Verdict {
  if (!observed(object)) return unobserved;
  if (object.spec.updateStrategy?.type === 'OnDelete') return ready;
  const { desiredNumberScheduled = 0, updatedNumberScheduled = 0, numberAvailable = 0 } = object.status;
  if (updatedNumberScheduled >= desiredNumberScheduled && numberAvailable >= desiredNumberScheduled)
    return ready;
  return pending(`${numberAvailable} of ${desiredNumberScheduled} pods available`);
}

function job(object: PlainProperties): Verdict {
  if (conditionOf(object, 'Complete')?.status === 'True') return ready;
  const failure = conditionOf(object, 'Failed');
  if (failure?.status === 'True') return failed(`the Job failed${detail(failure)}`);
  const { active = 0, succeeded = 0, failed: lost = 0 } = object.status ?? {};
  return pending(`${active} pods running, ${succeeded} succeeded, ${lost} failed`);
}

function pod({ status = {}, ...object }: PlainProperties): Verdict {
  if (status.phase === 'Succeeded') return ready;
  if (status.phase === 'Failed')
    return failed(`the Pod failed: ${status.message ?? status.reason ?? 'see its log'}`);
  const condition = conditionOf({ ...object, status }, 'Ready');
  return condition?.status === 'True' ? ready : pending(`phase ${status.phase}${detail(condition)}`);
}

function replicationController(object: PlainProperties): Verdict {
  if (!observed(object)) return unobserved;
  const { replicas: wanted = 1 } = object.spec;
  const { readyReplicas = 0 } = object.status;
  return readyReplicas >= wanted ? ready : pending(`${readyReplicas} of ${wanted} replicas ready`);
}

/** ExternalName and headless Services, and those without selector, are ready at once, as upstream. */
async function service(object: PlainProperties, surroundings: Surroundings): Promise<Verdict> {
  const { type = 'ClusterIP', clusterIP, selector } = object.spec;
  if (type === 'LoadBalancer' && !object.status?.loadBalancer?.ingress?.length)
    return pending('no address from the load balancer yet');
  if (type === 'ExternalName' || clusterIP === 'None' || !Object.keys(selector ?? {}).length) return ready;
  const count = await surroundings.readyEndpoints(object.metadata.namespace, object.metadata.name);
  if (count > 0) return ready;
  const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  return pending(`no ready pod matches its selector ${labels.join(',')}`);
}

async function persistentVolumeClaim(object: PlainProperties, surroundings: Surroundings): Promise<Verdict> {
  const phase = object.status?.phase;
  if (phase === 'Bound') return ready;
  if (phase === 'Lost') return failed('its PersistentVolume is gone');
  const { storageClassName } = object.spec;
  // Such a claim is bound when a pod uses it, which may be much later.
  if (storageClassName && (await surroundings.volumeBindingMode(storageClassName)) === 'WaitForFirstConsumer')
    return ready;
  return pending(`phase ${phase ?? 'unknown'}, storage class ${storageClassName || 'none'}`);
}

function customResourceDefinition(object: PlainProperties): Verdict {
  const names = conditionOf(object, 'NamesAccepted');
  if (names?.status === 'False') return failed(`its names are not accepted${detail(names)}`);
  const established = conditionOf(object, 'Established');
  return established?.status === 'True' ? ready : pending(`not established${detail(established)}`);
}

function serviceAccountToken({ type, data }: PlainProperties): Verdict {
  return type !== 'kubernetes.io/service-account-token' || data?.token ? ready : pending('no token yet');
}
