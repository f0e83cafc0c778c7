import { randomBytes } from 'node:crypto';
import { issueCertificate, type KeyPair, newAuthority } from '../../components/certificates/x509';
import type { PodResources } from '../../components/pod-args';
import type { VaultArgs } from '../../components/vault-args';
import { type VaultReference, withFirstServer } from '../../components/vault-connection';
import { VaultClient } from '../../components/vault-client';
import { vaultCertificate, vaultSpec } from '../../components/vault-spec';
import { images } from '../../components/versions';
import { KubernetesCluster, type KubernetesObject } from '../kubernetes/cluster';
import { eventually } from './servers';

/** A Vault as the component declares it, in a namespace that enforces Pod Security `restricted`. */
export interface ScratchVault {
  readonly cluster: KubernetesCluster;
  readonly namespace: string;
  readonly args: VaultArgs;
  readonly reference: VaultReference;
  /** Signs certificates that Vault's own clients accept. */
  readonly authority: KeyPair;
  apply(object: KubernetesObject): Promise<KubernetesObject>;
  /** A client of the first server, for as long as the work takes. */
  use<T>(work: (vault: VaultClient) => Promise<T>, token?: string): Promise<T>;
  /** What a server wrote to its standard output since it started. */
  log(ordinal?: number): Promise<string>;
  /** Deletes a server's pod and waits until the next one answers. */
  restart(ordinal?: number): Promise<void>;
  ready(ordinal?: number): Promise<boolean>;
  stop(): Promise<void>;
}

const FIELD_MANAGER = 'vault-test';
const REACHABLE_WITHIN_MS = 120_000;
const resources: PodResources = {
  requests: { cpu: '10m', memory: '64Mi' },
  limits: { memory: '384Mi' },
};

/**
 * Starts a Vault and waits until its first server answers, sealed or not.
 * @param namespace Made where it does not exist, and deleted with the server.
 */
export async function startVault(
  settings: Pick<VaultArgs, 'seal'> & Partial<VaultArgs>,
  namespace = `test-vault-${randomBytes(4).toString('hex')}`,
): Promise<ScratchVault> {
  const cluster = KubernetesCluster.load();
  const args: VaultArgs = {
    namespace,
    image: images.vault,
    storage: { size: '64Mi' },
    resources,
    ...settings,
  };
  const authority = await newAuthority('vault test', { from: new Date(), days: 2 });
  const reference = referenceTo(args);
  const apply = (object: KubernetesObject) =>
    cluster.apply(object, { fieldManager: FIELD_MANAGER, force: true });
  const use: ScratchVault['use'] = (work, token) =>
    withFirstServer(reference, REACHABLE_WITHIN_MS, (vault) => work(token ? vault.as(token) : vault));
  const podPath = (ordinal: number) =>
    cluster.path('v1', 'Pod', namespace, `${reference.service}-${ordinal}`);
  const server: ScratchVault = {
    ...{ cluster, namespace, args, reference, authority, apply, use },
    log: async (ordinal = 0) => cluster.request<string>('GET', `${await podPath(ordinal)}/log`),
    ready: async (ordinal = 0) => isReady(await cluster.request('GET', await podPath(ordinal))),
    async restart(ordinal = 0) {
      const name = `${reference.service}-${ordinal}`;
      const before = (await cluster.read('v1', 'Pod', namespace, name))?.metadata.uid;
      await cluster.delete('v1', 'Pod', namespace, name);
      await eventually(`pod ${name} runs anew`, REACHABLE_WITHIN_MS, async () => {
        const pod = await cluster.read('v1', 'Pod', namespace, name);
        return pod?.metadata.uid !== before && pod?.status.containerStatuses?.[0].started === true;
      });
    },
    async stop() {
      await cluster.delete('v1', 'Namespace', undefined, namespace);
    },
  };
  try {
    for (const object of await objects(args, authority)) await apply(object);
    await use((vault) => vault.health());
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** How the providers reach a Vault. */
function referenceTo({ namespace, name = 'vault', tlsSecret = `${name}-tls` }: VaultArgs): VaultReference {
  return { namespace, service: name, port: 8200, tlsSecret };
}

function isReady(pod: KubernetesObject): boolean {
  const conditions: { type: string; status: string }[] = pod.status?.conditions ?? [];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** A certificate, as a Secret of the kind that the platform makes. */
export async function tlsSecret(
  { authority, namespace }: { authority: KeyPair; namespace: string },
  { secret, dnsNames }: { secret: string; dnsNames: readonly string[] },
): Promise<KubernetesObject> {
  const { certificate, privateKey } = await issueCertificate(authority, dnsNames, {
    from: new Date(),
    days: 2,
  });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secret, namespace },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': certificate, 'tls.key': privateKey, 'ca.crt': authority.certificate },
  };
}

async function objects(args: VaultArgs, authority: KeyPair): Promise<KubernetesObject[]> {
  const { namespace } = args;
  const spec = vaultSpec(args);
  const object = (apiVersion: string, kind: string, body: object) =>
    ({ apiVersion, kind, ...body }) as KubernetesObject;
  return [
    object('v1', 'Namespace', {
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    }),
    await tlsSecret({ authority, namespace }, vaultCertificate(args)),
    object('v1', 'ServiceAccount', spec.serviceAccounts.server),
    object('v1', 'ServiceAccount', spec.serviceAccounts.configuration),
    object('v1', 'ConfigMap', spec.configMap),
    object('v1', 'Service', spec.services.nodes),
    object('v1', 'Service', spec.services.client),
    object('apps/v1', 'StatefulSet', spec.statefulSet),
  ];
}
