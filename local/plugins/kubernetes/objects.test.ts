import { type PlainProperties, type Properties, Secret, Unknown } from '../marshalling';
import { importedInputs, outputsOf, previewOutputs, savedFieldManager, withoutDryRunValues } from './objects';
import { refreshedInputs } from './refresh';

const serverMetadata = {
  creationTimestamp: '2026-01-01T00:00:00Z',
  generation: 1,
  managedFields: [{ manager: 'x' }],
  resourceVersion: '7',
  uid: 'u',
};

const secret = (data: PlainProperties): PlainProperties => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's', ...serverMetadata },
  data,
});

describe('outputs', () => {
  test('of a Secret hide its data, and remember who manages it', () => {
    const inputs: Properties = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { a: 'YQ==' },
    };
    const outputs = outputsOf(secret({ a: 'YQ==' }), inputs, 'pulumi-kubernetes-1');
    expect(outputs.data).toEqual(new Secret({ a: 'YQ==' }));
    expect(outputs.metadata).toEqual({ ...serverMetadata, name: 's', managedFields: undefined });
    expect(savedFieldManager(outputs)).toBe('pulumi-kubernetes-1');
    expect(outputs.__initialApiVersion).toBe('v1');
  });

  test('mark what the inputs mark, and drop what kubectl keeps', () => {
    const inputs: Properties = { spec: { template: { env: [{ name: 'A', value: new Secret('x') }] } } };
    const live = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'd',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', a: 'b' },
      },
      spec: { template: { env: [{ name: 'A', value: 'x' }] } },
    };
    expect(outputsOf(live, inputs, 'm')).toMatchObject({
      metadata: { name: 'd', annotations: { a: 'b' } },
      spec: { template: { env: [{ name: 'A', value: new Secret('x') }] } },
    });
    expect(live.metadata.annotations).toHaveProperty('a', 'b');
  });

  test('of a preview do not know what only the server sets', () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's', uid: 'dry' },
      spec: { clusterIP: '10.0.0.9', type: 'ClusterIP' },
      status: {},
    };
    const unknown = withoutDryRunValues(service, { spec: {} });
    expect(unknown.metadata.uid).toBe(Unknown.value);
    expect(unknown.spec).toEqual({ clusterIP: Unknown.value, type: 'ClusterIP' });
    expect('status' in unknown).toBe(false);
    expect(withoutDryRunValues(service, { spec: { clusterIP: '10.0.0.9' } }).spec.clusterIP).toBe('10.0.0.9');
    const inputs: Properties = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { a: 'b' },
    };
    expect(previewOutputs(inputs)).toMatchObject({
      data: new Secret({ a: 'b' }),
      metadata: { name: 's', uid: Unknown.value },
    });
  });

  test('of an import leave out what a program does not write', () => {
    const inputs = importedInputs({ ...secret({ a: 'YQ==' }), status: { phase: 'x' } });
    expect(inputs).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { a: 'YQ==' },
    });
  });
});

describe('inputs after a refresh', () => {
  const inputs: Properties = {
    metadata: { name: 'x' },
    spec: { cpu: '0.5', replicas: 1, env: [{ name: 'A' }], gone: true },
  };
  const applied = {
    metadata: { name: 'x', uid: 'u' },
    spec: { cpu: '500m', replicas: 1, env: [{ name: 'A' }], gone: true, defaulted: 1 },
  };

  test('are the old ones when applying them again changes nothing, in whatever form the server writes them', () => {
    expect(refreshedInputs(inputs, applied, applied)).toEqual(inputs);
  });

  test('take live values where somebody changed the object', () => {
    const live = { ...applied, spec: { cpu: '1', replicas: 3, env: [{ name: 'B' }], defaulted: 2 } };
    expect(refreshedInputs(inputs, applied, live)).toEqual({
      metadata: { name: 'x' },
      spec: { cpu: '1', replicas: 3, env: [{ name: 'B' }] },
    });
  });

  test('keep a list to which a controller adds items of its own', () => {
    const withSidecar = { ...applied, spec: { ...applied.spec, env: [{ name: 'A' }, { name: 'sidecar' }] } };
    expect(refreshedInputs(inputs, withSidecar, withSidecar)).toEqual(inputs);
  });

  test('compare the text of a Secret with its data', () => {
    const text: Properties = { metadata: { name: 's' }, stringData: new Secret({ a: 'old' }) };
    const encoded = (value: string) => secret({ a: Buffer.from(value).toString('base64') });
    expect(refreshedInputs(text, encoded('old'), encoded('old'))).toEqual(text);
    expect(refreshedInputs(text, encoded('old'), encoded('new'))).toEqual({
      metadata: { name: 's' },
      stringData: new Secret({ a: 'new' }),
    });
  });
});
