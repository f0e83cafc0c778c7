import { Resolver } from 'node:dns/promises';
import { stringify } from 'yaml';
import type { KubernetesCluster, KubernetesObject } from '../../migrations/kubernetes/cluster';
import { waitFor } from '../process';
import { addOnImages } from '../versions';
import type { ClusterLayout } from './layout';
import { network } from './network';

const FIELD_MANAGER = 'agent-data-platform-local';
const READY_MS = 120_000;

const deployments = [
  ['kube-system', 'coredns'],
  ['local-path-storage', 'local-path-provisioner'],
] as const;

/** Cluster DNS, volumes and the image policy, as Kubernetes objects. */
export function addOns(layout: ClusterLayout, forwardDns: boolean): KubernetesObject[] {
  return [...imagePolicy(), ...dns(forwardDns), ...storage(layout.volumes)];
}

/** Applies the add-ons server-side. */
export async function applyAddOns(cluster: KubernetesCluster, objects: KubernetesObject[]): Promise<void> {
  for (const object of objects) await cluster.apply(object, { fieldManager: FIELD_MANAGER, force: true });
}

/** Waits until the add-ons' Deployments are available and the cluster's DNS answers. */
export async function addOnsReady(cluster: KubernetesCluster, report: (line: string) => void): Promise<void> {
  let waiting: string[] = [];
  const ready = async () => {
    waiting = await unavailable(cluster);
    // After a restart the status of pods is old for some seconds, an answer is not.
    if (waiting.length === 0 && !(await dnsAnswers())) waiting = ['an answer of DNS'];
    report(`waiting for ${waiting.join(', ')}`);
    return waiting.length === 0 ? true : undefined;
  };
  await waitFor(ready, READY_MS, 250).catch((error: unknown) => {
    throw new Error(`Waited ${READY_MS / 1000} s for ${waiting.join(', ')} in vain.`, { cause: error });
  });
}

/** Names of the add-ons' Deployments that have no available pod of the current template. */
async function unavailable(cluster: KubernetesCluster): Promise<string[]> {
  const missing: string[] = [];
  for (const [namespace, name] of deployments) {
    const deployment = await cluster.read('apps/v1', 'Deployment', namespace, name);
    const status = deployment?.status ?? {};
    const current =
      status.observedGeneration === deployment?.metadata.generation && status.updatedReplicas >= 1;
    if (!current || !(status.availableReplicas >= 1)) missing.push(name);
  }
  return missing;
}

/** Whether the name of the API server's Service resolves, by the Service of DNS itself. */
async function dnsAnswers(): Promise<boolean> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([network.dnsIp]);
  return resolver.resolve4(`kubernetes.default.svc.${network.clusterDomain}`).then(
    (addresses) => addresses.includes(network.apiServiceIp),
    () => false,
  );
}

/**
 * Images come from archives and no registry can be reached, so "Always" would never find one: this policy lets
 * unmodified manifests use what is loaded.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
 */
function imagePolicy(): KubernetesObject[] {
  const apiVersion = 'admissionregistration.k8s.io/v1beta1';
  const name = 'use-loaded-images';
  const mutation = (list: 'containers' | 'initContainers') => ({
    patchType: 'ApplyConfiguration',
    applyConfiguration: {
      expression:
        `Object{spec: Object.spec{${list}: (has(object.spec.${list}) ? object.spec.${list} : [])` +
        `.map(c, Object.spec.${list}{name: c.name, imagePullPolicy: "IfNotPresent"})}}`,
    },
  });
  return [
    {
      apiVersion,
      kind: 'MutatingAdmissionPolicy',
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: '*' },
          ],
        },
        failurePolicy: 'Fail',
        reinvocationPolicy: 'Never',
        mutations: [mutation('containers'), mutation('initContainers')],
      },
    },
    { apiVersion, kind: 'MutatingAdmissionPolicyBinding', metadata: { name }, spec: { policyName: name } },
  ];
}

/** CoreDNS as the cluster's DNS. @see https://coredns.io/plugins/kubernetes/ */
function dns(forward: boolean): KubernetesObject[] {
  const namespace = 'kube-system';
  const name = 'coredns';
  const labels = { 'k8s-app': 'kube-dns' };
  const corefile = `.:53 {
  errors
  health
  ready
  kubernetes ${network.clusterDomain} in-addr.arpa ip6.arpa {
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 5
  }
${forward ? '  forward . /etc/resolv.conf\n' : ''}  cache 5
  reload
}
`;
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } },
    ...clusterRole('system:coredns', { namespace, name }, [
      {
        apiGroups: [''],
        resources: ['endpoints', 'services', 'pods', 'namespaces'],
        verbs: ['list', 'watch'],
      },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: { Corefile: corefile } },
    deployment(
      { namespace, name, labels, priorityClassName: 'system-cluster-critical' },
      {
        image: addOnImages.coreDns,
        args: ['-conf', '/etc/coredns/Corefile'],
        ports: [
          { name: 'dns', containerPort: 53, protocol: 'UDP' },
          { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
        ],
        readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 2 },
        livenessProbe: { httpGet: { path: '/health', port: 8080 }, failureThreshold: 5 },
        resources: { requests: { cpu: '20m', memory: '40Mi' }, limits: { memory: '170Mi' } },
        volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
      },
      { dnsPolicy: 'Default', volumes: [{ name: 'config', configMap: { name } }] },
    ),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'kube-dns', labels },
      spec: {
        clusterIP: network.dnsIp,
        selector: labels,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
        ],
      },
    },
  ];
}

/** Volumes in folders of the node. @see https://github.com/rancher/local-path-provisioner */
function storage(volumes: string): KubernetesObject[] {
  const namespace = 'local-path-storage';
  const name = 'local-path-provisioner';
  const configuration = {
    nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths: [volumes] }],
  };
  const helperPod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'helper-pod' },
    spec: { containers: [{ name: 'helper-pod', image: addOnImages.localPathHelper }] },
  };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } },
    ...clusterRole(name, { namespace, name }, [
      {
        apiGroups: [''],
        resources: ['nodes', 'persistentvolumeclaims', 'configmaps', 'pods/log'],
        verbs: ['get', 'list', 'watch'],
      },
      {
        apiGroups: [''],
        resources: ['persistentvolumes', 'pods'],
        verbs: ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'],
      },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get', 'list', 'watch'] },
    ]),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name },
      data: {
        'config.json': JSON.stringify(configuration),
        setup: '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n',
        teardown: '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n',
        'helperPod.yaml': stringify(helperPod),
      },
    },
    deployment(
      { namespace, name, labels: { app: name } },
      {
        image: addOnImages.localPathProvisioner,
        args: [
          'start',
          '--config=/etc/config/config.json',
          `--configmap-name=${name}`,
          `--service-account-name=${name}`,
          `--helper-image=${addOnImages.localPathHelper}`,
        ],
        env: [
          { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
          { name: 'CONFIG_MOUNT_PATH', value: '/etc/config/' },
        ],
        resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
        volumeMounts: [{ name: 'config', mountPath: '/etc/config', readOnly: true }],
      },
      { volumes: [{ name: 'config', configMap: { name } }] },
    ),
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: 'local-path',
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'rancher.io/local-path',
      volumeBindingMode: 'WaitForFirstConsumer',
      reclaimPolicy: 'Delete',
    },
  ];
}

function clusterRole(
  name: string,
  account: { namespace: string; name: string },
  rules: object[],
): KubernetesObject[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  return [
    { apiVersion, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
  ];
}

function deployment(
  of: { namespace: string; name: string; labels: Record<string, string>; priorityClassName?: string },
  container: object,
  podSpec: object,
): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: of.namespace, name: of.name, labels: of.labels },
    spec: {
      replicas: 1,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: of.labels },
      template: {
        metadata: { labels: of.labels },
        spec: {
          serviceAccountName: of.name,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65534,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          ...(of.priorityClassName ? { priorityClassName: of.priorityClassName } : {}),
          containers: [
            {
              name: of.name,
              ...container,
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
            },
          ],
          ...podSpec,
        },
      },
    },
  };
}
