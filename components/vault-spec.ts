import type { CertificateRequest } from './certificates/request';
import { servedNames } from './certificates/request';
import {
  configurationAnnotation,
  containerSecurityContext,
  labels,
  podSecurityContext,
  selectorLabels,
} from './metadata';
import type { PodFlows } from './network-flows';
import { spread } from './placement';
import { volumeClaimTemplate } from './pod-args';
import { type ResolvedVaultArgs, resolveVaultArgs, type VaultArgs } from './vault-args';
import { vaultNames } from './vault-names';
import { devUnseal, paths, ports, vaultConfiguration } from './vault-server';

/** User of the official image. */
const VAULT_UID = 100;
/** A sealed server is not ready, and may wait for people. */
const doNotWait = { 'pulumi.com/skipAwait': 'true' };

/** Object specifications of the Vault component. */
export type VaultSpec = ReturnType<typeof vaultSpec>;

/**
 * Pure specification of everything the Vault component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function vaultSpec(input: VaultArgs) {
  const args = resolveVaultArgs(input);
  const { name, namespace } = args;
  const files = { 'vault.json': vaultConfiguration(args) };
  return {
    serviceAccounts: {
      server: serviceAccountSpec(args, name),
      /** Of no pod: Vault knows whoever may make a token for it as the one who configures. */
      configuration: serviceAccountSpec(args, vaultNames(args).configurationAccount),
    },
    configMap: { metadata: metadata(args, name), data: files },
    services: { nodes: nodesServiceSpec(args), client: clientServiceSpec(args) },
    statefulSet: statefulSetSpec(args, files['vault.json']),
    disruptionBudget: args.replicas > 1 ? disruptionBudgetSpec(args) : undefined,
    endpoints: {
      host: `${name}.${namespace}.svc`,
      port: ports.api,
      address: `https://${name}.${namespace}.svc:${ports.api}`,
    },
  };
}

/** Connections of the servers: Raft and forwarded requests between them, and the databases whose logins they make. */
export function vaultFlows(input: VaultArgs): PodFlows[] {
  const { name, replicas, databases } = resolveVaultArgs(input);
  return [
    {
      name,
      pods: { matchLabels: selectorLabels({ name }) },
      clients: [ports.api],
      ...(replicas > 1 ? { peers: { [name]: [ports.api, ports.cluster] } } : { closed: [ports.cluster] }),
      metrics: [ports.api],
      ...(databases.length > 0 ? { uses: databases } : {}),
    },
  ];
}

/** The certificate that the servers need. */
export function vaultCertificate(input: VaultArgs): CertificateRequest {
  const { name, namespace, clusterDomain, tlsSecret } = resolveVaultArgs(input);
  return {
    secret: tlsSecret,
    dnsNames: servedNames({ namespace, clusterDomain, services: [name], nodes: [`${name}-nodes`] }),
  };
}

function metadata(args: ResolvedVaultArgs, name: string) {
  return { name, namespace: args.namespace, labels: labels({ name: args.name }) };
}

function serviceAccountSpec(args: ResolvedVaultArgs, name: string) {
  return { metadata: metadata(args, name), automountServiceAccountToken: false };
}

/** Gives each server a name of its own, ready or not: a sealed one is opened, and a new one joins, before it is ready. */
function nodesServiceSpec(args: ResolvedVaultArgs) {
  return {
    metadata: metadata(args, `${args.name}-nodes`),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorLabels({ name: args.name }),
      ports: [
        { name: 'api', port: ports.api, targetPort: 'api' },
        { name: 'cluster', port: ports.cluster, targetPort: 'cluster' },
      ],
    },
  };
}

/** Every server that is open: those on standby hand requests on to the active one. */
function clientServiceSpec(args: ResolvedVaultArgs) {
  return {
    metadata: { ...metadata(args, args.name), annotations: doNotWait },
    spec: {
      selector: selectorLabels({ name: args.name }),
      ports: [{ name: 'api', port: ports.api, targetPort: 'api' }],
    },
  };
}

function disruptionBudgetSpec(args: ResolvedVaultArgs) {
  return {
    metadata: metadata(args, args.name),
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorLabels({ name: args.name }) } },
  };
}

function statefulSetSpec(args: ResolvedVaultArgs, configuration: string) {
  const selector = selectorLabels({ name: args.name });
  return {
    metadata: { ...metadata(args, args.name), annotations: doNotWait },
    spec: {
      serviceName: `${args.name}-nodes`,
      replicas: args.replicas,
      // No server is ready before it is opened.
      podManagementPolicy: 'Parallel',
      // One server at a time; the next only when the one before is open.
      updateStrategy: { type: 'RollingUpdate' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: labels({ name: args.name }),
          annotations: configurationAnnotation(configuration),
        },
        spec: podSpec(args),
      },
      volumeClaimTemplates: [volumeClaimTemplate('data', args.storage, selector)],
    },
  };
}

function podSpec(args: ResolvedVaultArgs) {
  return {
    serviceAccountName: args.name,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
    securityContext: podSecurityContext(VAULT_UID),
    ...(args.replicas > 1 ? spread(args.antiAffinity, selectorLabels({ name: args.name })) : {}),
    containers: [
      {
        name: 'vault',
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        // The image's own entry point changes files of the image, which are read-only here.
        command: ['/bin/vault'],
        args: [
          'server',
          `-config=${paths.config}/vault.json`,
          ...(args.seal === 'auto' ? [`-config=${paths.seal}/seal.hcl`] : []),
        ],
        env: environment(args),
        ports: [
          { name: 'api', containerPort: ports.api },
          { name: 'cluster', containerPort: ports.cluster },
        ],
        resources: args.resources,
        securityContext: containerSecurityContext(),
        ...(args.seal === 'dev-auto'
          ? { lifecycle: { postStart: { exec: { command: ['/bin/sh', '-c', devUnseal] } } } }
          : {}),
        ...probes(args),
        volumeMounts: mounts(args),
      },
    ],
    volumes: volumes(args),
  };
}

function environment({ name, namespace, clusterDomain }: ResolvedVaultArgs) {
  const host = `$(POD_NAME).${name}-nodes.${namespace}.svc.${clusterDomain}`;
  return [
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'VAULT_RAFT_NODE_ID', value: '$(POD_NAME)' },
    { name: 'VAULT_API_ADDR', value: `https://${host}:${ports.api}` },
    { name: 'VAULT_CLUSTER_ADDR', value: `https://${host}:${ports.cluster}` },
    // For `vault` as a command in the pod.
    { name: 'VAULT_ADDR', value: `https://localhost:${ports.api}` },
    { name: 'VAULT_CACERT', value: `${paths.tls}/ca.crt` },
  ];
}

/** Mounted files by volume; a Secret that may come later is optional. */
function mounts(args: ResolvedVaultArgs) {
  return [
    { name: 'data', mountPath: paths.data },
    { name: 'tmp', mountPath: '/tmp' },
    ...secretVolumes(args).map(({ name, mountPath }) => ({ name, mountPath, readOnly: true })),
    { name: 'config', mountPath: paths.config, readOnly: true },
  ];
}

function volumes(args: ResolvedVaultArgs) {
  return [
    { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
    ...secretVolumes(args).map(({ name, secret }) => ({ name, secret })),
    { name: 'config', configMap: { name: args.name } },
  ];
}

function secretVolumes(args: ResolvedVaultArgs) {
  const { tlsSecret, sealSecret, postgresCaSecret, seal } = args;
  const ca = [{ key: 'ca.crt', path: 'ca.crt' }];
  return [
    { name: 'tls', mountPath: paths.tls, secret: { secretName: tlsSecret } },
    ...(sealSecret ? [{ name: 'seal', mountPath: paths.seal, secret: { secretName: sealSecret } }] : []),
    ...(seal === 'dev-auto'
      ? [
          {
            name: 'unseal',
            mountPath: paths.unseal,
            secret: { secretName: vaultNames(args).unsealSecret, optional: true },
          },
        ]
      : []),
    ...(postgresCaSecret
      ? [
          {
            name: 'postgres-ca',
            mountPath: paths.postgresCa,
            secret: { secretName: postgresCaSecret, items: ca, optional: true },
          },
        ]
      : []),
  ];
}

/**
 * A sealed server is alive, since only people can open it, but takes no requests; with seal `dev-auto` a start opens it.
 * @see https://developer.hashicorp.com/vault/api-docs/system/health
 */
function probes({ seal }: ResolvedVaultArgs) {
  const probe = (query: string) => ({
    httpGet: { path: `/v1/sys/health?standbyok=true${query}`, port: 'api', scheme: 'HTTPS' },
    timeoutSeconds: 5,
  });
  const running = '&uninitcode=200&sealedcode=200';
  return {
    startupProbe: { ...probe(running), periodSeconds: 2, failureThreshold: 150 },
    livenessProbe: {
      ...probe(seal === 'dev-auto' ? '&uninitcode=200' : running),
      periodSeconds: 10,
      failureThreshold: 9,
    },
    readinessProbe: { ...probe(''), periodSeconds: 5, failureThreshold: 2 },
  };
}
