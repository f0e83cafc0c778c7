import { KubernetesCluster, KubernetesError, KubernetesObject } from '../migrations/kubernetes/cluster';
import { InMemoryCluster } from './manifest-bundle/in-memory-cluster';
import { Operators, operatorsSpec } from './operators';
import { assertOperator, checkRequirement } from './operators-existing-provider';
import { declaredBy } from './testing/mocks';

const manifest = { url: 'https://example.org/cnpg.yaml', sha256: 'a'.repeat(64) };
const requirement = {
  operator: 'CloudNativePG',
  definition: 'clusters.postgresql.cnpg.io',
  version: 'v1',
  workload: { kind: 'Deployment' as const, selectors: ['app.kubernetes.io/name=cloudnative-pg'] },
};

describe('operatorsSpec', () => {
  it('managed is a manifest bundle with a probe of its admission webhooks', () => {
    expect(
      operatorsSpec({ mode: 'managed', manifest, image: 'registry.local/cnpg:1', context: 'prod' }),
    ).toEqual({
      bundle: {
        ...manifest,
        image: 'registry.local/cnpg:1',
        namespace: 'cnpg-system',
        context: 'prod',
        probe: {
          apiVersion: 'postgresql.cnpg.io/v1',
          kind: 'Cluster',
          metadata: { name: 'admission-probe', namespace: 'cnpg-system' },
          spec: { instances: 1, storage: { size: '1Gi' } },
        },
      },
    });
  });

  it('existing is only a requirement', () => {
    expect(operatorsSpec({ mode: 'existing', manifest })).toEqual({ requirement });
  });

  it('refuses another mode', () => {
    expect(() => operatorsSpec({ mode: 'helm' as 'managed', manifest })).toThrow(
      'operators must be one of managed, existing, got "helm".',
    );
  });
});

describe('Operators', () => {
  it.each([
    ['managed', 'ManifestBundle'],
    ['existing', 'ExistingOperator'],
  ] as const)('%s declares exactly one child, a %s', async (mode, type) => {
    const declared = await declaredBy(() => new Operators('operators', { mode, manifest }));
    expect(declared.map(({ path, name }) => `${path} ${name}`)).toEqual([
      'agent-data-platform:data:Operators operators',
      `agent-data-platform:data:Operators$pulumi-nodejs:dynamic/kubernetes:${type} operators-cloudnative-pg`,
    ]);
  });
});

describe('an existing operator', () => {
  const definition: KubernetesObject = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'clusters.postgresql.cnpg.io' },
    spec: { group: 'postgresql.cnpg.io', versions: [{ name: 'v1' }] },
  };
  const deployment = (availableReplicas: number): KubernetesObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'cnpg',
      namespace: 'databases',
      generation: 1,
      labels: { 'app.kubernetes.io/name': 'cloudnative-pg' },
    },
    spec: { replicas: 1 },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas },
  });
  const fix = 'install it, or set operators to "managed" to have it installed.';

  it('passes when it runs, in whatever namespace', async () => {
    const cluster = new InMemoryCluster([definition, deployment(1)]);
    await expect(assertOperator(cluster.asCluster(), requirement)).resolves.toBeUndefined();
  });

  it.each([
    ['has no clusters.postgresql.cnpg.io of version v1 in the cluster', [deployment(1)]],
    [
      'has no clusters.postgresql.cnpg.io of version v1 in the cluster',
      [{ ...definition, spec: { group: 'postgresql.cnpg.io', versions: [{ name: 'v2' }] } }, deployment(1)],
    ],
    ['has no Deployment labelled app.kubernetes.io/name=cloudnative-pg in any namespace', [definition]],
    ['is not available (Deployment databases/cnpg: 0 of 1 pods are available)', [definition, deployment(0)]],
  ])('that %s fails with the fix', async (what, objects) => {
    const cluster = new InMemoryCluster(objects);
    jest.spyOn(KubernetesCluster, 'load').mockReturnValueOnce(cluster.asCluster());
    expect(await checkRequirement(requirement)).toEqual({
      inputs: requirement,
      failures: [
        {
          property: 'operator',
          reason: `missing operator with \`existing\`: CloudNativePG ${what}; ${fix}`,
        },
      ],
    });
  });

  it('is not checked in a preview without a cluster, which says so', async () => {
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    jest.spyOn(KubernetesCluster, 'load').mockImplementationOnce(() => {
      throw new KubernetesError(0, 'NoCluster', 'No Kubernetes cluster is configured.');
    });
    expect(await checkRequirement(requirement)).toEqual({ inputs: requirement, failures: [] });
    expect(log).toHaveBeenCalledWith(
      'operator CloudNativePG not checked: No Kubernetes cluster is configured.',
    );
    log.mockRestore();
  });
});
