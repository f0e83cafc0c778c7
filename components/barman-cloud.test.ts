import { BarmanCloud } from './barman-cloud';
import { barmanCloudFlows, barmanCloudRequirement, barmanCloudSpec } from './barman-cloud-spec';
import { networkPoliciesSpec } from './network-policies-spec';
import { cloudNativePgFlows } from './postgres-flows';
import { declaredBy } from './testing/mocks';

const args = {
  mode: 'managed',
  image: 'registry.local/plugin:1',
  sidecarImage: 'registry.local/sidecar:1',
  definitions: { url: 'https://example.org/crd.yaml', sha256: 'a'.repeat(64) },
} as const;

it('is found by the operator: in its namespace, with certificates that verify the name of the Service', () => {
  const { service, certificates, definitions } = barmanCloudSpec({ ...args, context: 'prod' });
  expect(definitions).toEqual({ ...args.definitions, context: 'prod' });
  expect(service.metadata).toMatchObject({
    name: 'plugin-barman-cloud',
    namespace: 'cnpg-system',
    labels: { 'cnpg.io/pluginName': 'barman-cloud.cloudnative-pg.io' },
    annotations: {
      'cnpg.io/pluginServerSecret': 'barman-cloud-server-tls',
      'cnpg.io/pluginClientSecret': 'barman-cloud-client-tls',
      'cnpg.io/pluginPort': '9090',
    },
  });
  expect(certificates).toEqual({
    namespace: 'cnpg-system',
    requests: [
      { secret: 'barman-cloud-server-tls', dnsNames: ['plugin-barman-cloud'] },
      { secret: 'barman-cloud-client-tls', dnsNames: ['cloudnative-pg'] },
    ],
    context: 'prod',
  });
});

it('runs under the restricted Pod Security Standard, with no more rights than it uses', () => {
  const { deployment, clusterRole } = barmanCloudSpec(args);
  const { securityContext, containers, volumes } = deployment.spec.template.spec;
  expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(containers[0]).toMatchObject({
    image: 'registry.local/plugin:1',
    env: [{ name: 'SIDECAR_IMAGE', value: 'registry.local/sidecar:1' }],
    securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
  });
  // The key of the client stays with the operator.
  expect(volumes[1]!.secret.items).toEqual([{ key: 'ca.crt', path: 'ca.crt' }]);
  const secrets = clusterRole.rules.filter(({ resources }) => resources.includes('secrets'));
  expect(secrets.map(({ verbs }) => verbs)).toEqual([['get', 'list', 'watch']]);
});

it('takes calls of the operator alone', () => {
  const { flows, defaultDeny } = networkPoliciesSpec({
    ...{ namespace: 'platform', flows: [], clients: [], monitoring: [] },
    operators: [cloudNativePgFlows(), barmanCloudFlows()],
  });
  const [operator, plugin] = flows;
  const pods = (name: string) => expect.objectContaining({ 'app.kubernetes.io/name': name });
  const port = [{ protocol: 'TCP', port: 9090 }];
  expect(plugin!.spec.ingress).toEqual([
    { from: [{ podSelector: { matchLabels: pods('cloudnative-pg') } }], ports: port },
  ]);
  expect(plugin!.reachesApiServer).toBe(true);
  expect(operator!.spec.egress.at(-1)).toEqual({
    to: [{ podSelector: { matchLabels: pods('plugin-barman-cloud') } }],
    ports: port,
  });
  expect(defaultDeny.map(({ metadata }) => metadata.namespace)).toEqual(['platform', 'cnpg-system']);
});

it('existing, it is a requirement: its definition, and a Deployment of its chart or of its manifest', () => {
  expect(barmanCloudRequirement('prod')).toEqual({
    operator: 'the Barman Cloud plugin of CloudNativePG',
    definition: 'objectstores.barmancloud.cnpg.io',
    version: 'v1',
    workload: {
      kind: 'Deployment',
      selectors: ['app.kubernetes.io/name=plugin-barman-cloud', 'app=barman-cloud'],
    },
    context: 'prod',
  });
});

it.each([
  [
    'managed',
    [
      'ClusterRole plugin-role',
      'ClusterRoleBinding plugin-binding',
      'Deployment plugin',
      'Service plugin-service',
      'ServiceAccount plugin-account',
      'Certificates plugin-certificates',
      'Certificates plugin-certificates',
      'ManifestBundle plugin-definitions',
    ],
  ],
  ['existing', ['ExistingOperator plugin']],
] as const)('%s declares what it says', async (mode, children) => {
  const [, ...declared] = await declaredBy(() => new BarmanCloud('plugin', { ...args, mode }));
  const found = declared.map(({ path, name }) => `${path.split(/[:/]/).at(-1)} ${name}`);
  expect(found.sort()).toEqual([...children].sort());
});
