import { type Properties, Secret, Unknown } from '../marshalling';
import { checkInputs } from './check';
import { builtInNamespaced, fieldManagerOf, generatedName, kindOfToken, parseId } from './kinds';

const seed = new Uint8Array([1, 2, 3]);

function check(news: Properties, olds: Properties = {}, namespace?: string) {
  const call = { urn: 'urn', type: 'type', name: 'settings', olds, news, randomSeed: seed };
  return checkInputs(call, { namespace });
}

const configMap = (metadata?: Properties): Properties => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  ...(metadata ? { metadata } : {}),
});

test('an object without a name gets one from the seed, marked as generated', () => {
  const { inputs, failures } = check(configMap(), {}, 'default');
  expect(failures).toEqual([]);
  expect(inputs.metadata).toEqual({
    name: 'settings-039058c6',
    namespace: 'default',
    annotations: { 'pulumi.com/autonamed': 'true' },
  });
});

test('a generated name is kept, a given one is not touched', () => {
  const olds = configMap({ name: 'settings-old', annotations: { 'pulumi.com/autonamed': 'true' } });
  expect(check(configMap({ labels: { a: 'b' } }), olds).inputs.metadata).toEqual({
    name: 'settings-old',
    labels: { a: 'b' },
    annotations: { 'pulumi.com/autonamed': 'true' },
  });
  expect(check(configMap({ name: 'given', namespace: 'shop' }), olds, 'default').inputs.metadata).toEqual({
    name: 'given',
    namespace: 'shop',
  });
});

test('secrets and unknowns in the inputs stay what they are', () => {
  const news = { ...configMap({ name: Unknown.value }), data: new Secret({ a: 'b' }) };
  expect(check(news, {}, 'default').inputs).toEqual({
    ...configMap({ name: Unknown.value, namespace: 'default' }),
    data: new Secret({ a: 'b' }),
  });
});

test('failures name the property and the value', () => {
  expect(check(configMap({ name: 'no spaces please' })).failures).toEqual([
    {
      property: 'metadata.name',
      reason: '"no spaces please" is no valid object name: use at most 253 letters, digits, "-" and ".".',
    },
  ]);
  expect(check({ kind: 'ConfigMap' }).failures).toEqual([
    { property: 'apiVersion', reason: 'apiVersion must be a string, got undefined.' },
  ]);
  expect(check({ apiVersion: 'v1', kind: 'ConfigMapPatch' }).failures[0]?.property).toBe('kind');
  expect(check(configMap({ generateName: 'x-' })).failures[0]?.property).toBe('metadata.generateName');
});

test('built-in kinds are known to have a namespace or not, others only to the cluster', () => {
  expect(builtInNamespaced('v1', 'Secret')).toBe(true);
  expect(builtInNamespaced('networking.k8s.io/v1', 'NetworkPolicy')).toBe(true);
  expect(builtInNamespaced('rbac.authorization.k8s.io/v1', 'ClusterRole')).toBe(false);
  expect(builtInNamespaced('v1', 'Namespace')).toBe(false);
  expect(builtInNamespaced('postgresql.cnpg.io/v1', 'Cluster')).toBeUndefined();
  expect(builtInNamespaced('gateway.networking.k8s.io/v1', 'GatewayClass')).toBeUndefined();
});

test('ids, type tokens, generated names and field managers', () => {
  expect(parseId('shop/web')).toEqual({ namespace: 'shop', name: 'web' });
  expect(parseId('system:node')).toEqual({ name: 'system:node' });
  expect(kindOfToken('kubernetes:core/v1:Pod')).toEqual({ apiVersion: 'v1', kind: 'Pod' });
  expect(kindOfToken('kubernetes:apps/v1:Deployment')).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment' });
  const generated = generatedName('a', new Uint8Array());
  expect(generated).toMatch(/^a-[0-9a-f]{8}$/);
  expect(generated).not.toBe(generatedName('a', new Uint8Array()));
  expect(fieldManagerOf('urn:a')).toMatch(/^pulumi-kubernetes-[0-9a-f]{8}$/);
  expect(fieldManagerOf('urn:a')).toBe(fieldManagerOf('urn:a'));
  expect(fieldManagerOf('urn:a')).not.toBe(fieldManagerOf('urn:b'));
});
