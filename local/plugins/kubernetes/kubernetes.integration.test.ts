import { randomBytes } from 'node:crypto';
import { KubernetesCluster, type KubernetesObject } from '../../../migrations/kubernetes/cluster';
import { type PlainProperties, type Properties, Secret, reveal } from '../marshalling';
import { PluginClient, type RecordedState, partialState } from '../testing';
import { KubernetesProvider } from './provider';

const namespace = `plugin-${randomBytes(4).toString('hex')}`;
const cluster = KubernetesCluster.load();
let plugin: PluginClient;

function urnOf(type: string, name: string): string {
  return `urn:pulumi:test::plugins::${type}::${name}`;
}

const configMapType = 'kubernetes:core/v1:ConfigMap';

function configMap(name: string, data: Record<string, string>, metadata: Properties = {}): Properties {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...metadata }, data };
}

function newPlugin(config: PlainProperties = {}): Promise<PluginClient> {
  return PluginClient.start((host) => new KubernetesProvider(host), config);
}

function applyAs(fieldManager: string, object: Properties): Promise<KubernetesObject> {
  return cluster.apply(object as KubernetesObject, { fieldManager });
}

async function live(state: RecordedState): Promise<PlainProperties | undefined> {
  const { apiVersion, kind, metadata }: PlainProperties = reveal(state.inputs);
  return cluster.read(apiVersion, kind, metadata.namespace, metadata.name);
}

beforeAll(async () => {
  plugin = await newPlugin();
  const inputs = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await plugin.create(urnOf('kubernetes:core/v1:Namespace', 'ns'), inputs);
});

afterAll(async () => {
  plugin.stop();
  await cluster.delete('v1', 'Namespace', undefined, namespace, { propagationPolicy: 'Background' });
});

describe('the life of an object', () => {
  test('create, read, update, delete', async () => {
    const created = await plugin.create(urnOf(configMapType, 'life'), configMap('life', { color: 'red' }));
    expect(created.id).toBe(`${namespace}/life`);
    expect((await live(created))?.data).toEqual({ color: 'red' });

    const refreshed = await plugin.read(created);
    expect(refreshed).toEqual(created);

    const updated = await plugin.update(created, configMap('life', { shape: 'round' }));
    expect((await live(updated))?.data).toEqual({ shape: 'round' });

    await plugin.delete(updated);
    expect(await live(updated)).toBeUndefined();
    expect(await plugin.read(updated)).toBeUndefined();
    await plugin.delete(updated);
  });

  test('an import by id gives inputs a program could have', async () => {
    await applyAs('somebody', configMap('imported', { a: '1' }));
    const urn = urnOf(configMapType, 'imported');
    const state = await plugin.read({ urn, id: `${namespace}/imported`, inputs: {}, outputs: {} });
    expect(state?.inputs).toEqual(configMap('imported', { a: '1' }));
    expect(state?.outputs.metadata).toMatchObject({ uid: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });

  test('state keeps neither managed fields nor the schema of a CRD', async () => {
    const group = `${namespace}.example.com`;
    const crd: Properties = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: {
        name: `things.${group}`,
        annotations: { 'pulumi.com/deletionPropagationPolicy': 'background' },
      },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind: 'Thing', plural: 'things' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    };
    const crdType = 'kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition';
    const definition = await plugin.create(urnOf(crdType, 'crd'), crd);
    const { metadata, spec }: PlainProperties = definition.outputs;
    expect(metadata.managedFields).toBeUndefined();
    expect(spec.versions).toEqual([{ name: 'v1', served: true, storage: true }]);

    const waiting: Properties = {
      apiVersion: `${group}/v1`,
      kind: 'Thing',
      metadata: {
        name: 'one',
        namespace,
        annotations: {
          'pulumi.com/waitFor': 'condition=Ready',
          // In the foreground the garbage collector first has to notice the new kind, up to 30 s later.
          'pulumi.com/deletionPropagationPolicy': 'background',
        },
      },
      spec: { size: 1 },
    };
    const urn = urnOf(`kubernetes:${group}/v1:Thing`, 'thing');
    const failure = await plugin.create(urn, waiting, { timeout: 1 }).catch((error: unknown) => error);
    const half = partialState(urn, failure);
    expect(half.reasons).toEqual([`Thing ${namespace}/one is not ready after 1 s: no condition Ready yet`]);
    await cluster.request('PATCH', await cluster.path(`${group}/v1`, 'Thing', namespace, 'one'), {
      body: { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
      contentType: 'application/merge-patch+json',
    });
    const thing = await plugin.update(half, waiting);
    expect(thing.outputs.status).toEqual({ conditions: [{ type: 'Ready', status: 'True' }] });
    await plugin.delete(thing);
    await plugin.delete(definition);
  });

  test('an update with unchanged inputs shows no difference, after a refresh too', async () => {
    const inputs: Properties = {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'store', namespace, annotations: { 'pulumi.com/skipAwait': 'true' } },
      spec: {
        serviceName: 'store',
        replicas: 1,
        selector: { matchLabels: { app: 'store' } },
        template: {
          metadata: { labels: { app: 'store' } },
          spec: {
            containers: [
              { name: 'main', image: 'store', resources: { requests: { cpu: '0.5', memory: '1024Mi' } } },
            ],
          },
        },
      },
    };
    const created = await plugin.create(urnOf('kubernetes:apps/v1:StatefulSet', 'store'), inputs);
    const refreshed = await plugin.read(created);
    expect(refreshed?.inputs).toEqual(inputs);
    await cluster.request('PATCH', await cluster.path('apps/v1', 'StatefulSet', namespace, 'store'), {
      body: { spec: { replicas: 3 } },
      contentType: 'application/merge-patch+json',
    });
    const drifted = await plugin.read(created);
    expect((await plugin.diff(drifted!, inputs)).detail).toEqual({ 'spec.replicas': 'UPDATE' });
    await plugin.delete(created);
  });
});

describe('secrets', () => {
  test('data stays secret in the outputs and after a refresh', async () => {
    const inputs: Properties = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'password', namespace },
      stringData: new Secret({ password: 'hunter2' }),
    };
    const created = await plugin.create(urnOf('kubernetes:core/v1:Secret', 'password'), inputs);
    expect(created.outputs.data).toEqual(new Secret({ password: Buffer.from('hunter2').toString('base64') }));
    const refreshed = await plugin.read(created);
    expect(refreshed?.inputs).toEqual(inputs);
    await cluster.request('PATCH', await cluster.path('v1', 'Secret', namespace, 'password'), {
      body: { data: { password: Buffer.from('changed').toString('base64') } },
      contentType: 'application/merge-patch+json',
    });
    const drifted = await plugin.read(created);
    expect(drifted?.inputs.stringData).toEqual(new Secret({ password: 'changed' }));
  });
});

describe('previews', () => {
  const preview = { preview: true };

  test('leave the cluster as it is and know what the server will set only later', async () => {
    const urn = urnOf('kubernetes:core/v1:Service', 'preview');
    const inputs: Properties = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'preview', namespace },
      spec: { ports: [{ port: 80 }] },
    };
    const shown = await plugin.create(urn, inputs, preview);
    const { spec, metadata }: PlainProperties = shown.outputs;
    expect(spec.type).toBe('ClusterIP');
    expect(spec.clusterIP.constructor.name).toBe('Unknown');
    expect(metadata.uid.constructor.name).toBe('Unknown');
    expect(await live(shown)).toBeUndefined();
  });

  test('show what the API server refuses, by object and field', async () => {
    const create = (inputs: Properties) => plugin.create(urnOf(configMapType, 'refused'), inputs, preview);
    await expect(create(configMap('refused', { 'a b': 'c' }))).rejects.toThrow(
      `ConfigMap ${namespace}/refused is invalid: data[a b]: Invalid value: "a b"`,
    );
    await expect(create({ ...configMap('refused', {}), colour: 'red' })).rejects.toThrow(
      `ConfigMap ${namespace}/refused has the unknown field colour: correct or remove it.`,
    );
  });

  test('show a refusal of admission control', async () => {
    const path = await cluster.path('v1', 'Namespace', undefined, namespace);
    const label = (level: string | null) =>
      cluster.request('PATCH', path, {
        body: { metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } } },
        contentType: 'application/merge-patch+json',
      });
    await label('restricted');
    const pod: Properties = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'root', namespace },
      spec: { containers: [{ name: 'main', image: 'x', securityContext: { privileged: true } }] },
    };
    await expect(plugin.create(urnOf('kubernetes:core/v1:Pod', 'root'), pod, preview)).rejects.toThrow(
      /Pod plugin-[0-9a-f]+\/root was refused by the API server \(403 Forbidden\): .*violates PodSecurity "restricted:latest": privileged/,
    );
    await label(null);
  });

  test('of objects whose namespace or kind comes with the same update return the inputs', async () => {
    const inputs = configMap('early', { a: '1' }, { namespace: `${namespace}-later` });
    const shown = await plugin.create(urnOf(configMapType, 'early'), inputs, preview);
    expect(shown.outputs.data).toEqual({ a: '1' });
    const custom: Properties = {
      apiVersion: 'later.example.com/v1',
      kind: 'Later',
      metadata: { name: 'l', namespace },
    };
    const { outputs } = await plugin.create(
      urnOf('kubernetes:later.example.com/v1:Later', 'l'),
      custom,
      preview,
    );
    expect(outputs.kind).toBe('Later');
  });

  test('of a replacement check the new object although the old one still exists', async () => {
    const job = (image: string, port: number): Properties => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'once', namespace, annotations: { 'pulumi.com/skipAwait': 'true' } },
      spec: {
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [{ name: 'main', image, ports: [{ containerPort: port }] }],
          },
        },
      },
    });
    const urn = urnOf('kubernetes:batch/v1:Job', 'once');
    const state = await plugin.create(urn, job('one', 80));
    const difference = await plugin.diff(state, job('two', 80));
    expect(difference).toEqual({
      detail: { 'spec.template.spec.containers[0].image': 'UPDATE_REPLACE' },
      replaces: ['spec'],
      deleteBeforeReplace: true,
    });
    const shown: PlainProperties = (await plugin.create(urn, job('two', 80), preview)).outputs;
    expect(shown.metadata.name).toBe('once');
    expect(shown.spec.template.spec.containers[0].image).toBe('two');
    await expect(plugin.create(urn, job('two', 99999), preview)).rejects.toThrow(
      `Job ${namespace}/once is invalid: spec.template.spec.containers[0].ports[0].containerPort`,
    );
    await expect(plugin.update(state, job('two', 80), preview)).rejects.toThrow(
      new RegExp(`Job ${namespace}/once cannot change in place: spec.template: .*field is immutable`),
    );
    await plugin.delete(state);
  });
});

describe('objects that somebody else manages', () => {
  test('a create refuses an existing object, unless patchForce takes it over', async () => {
    await applyAs('somebody', configMap('taken', { color: 'blue' }));
    const urn = urnOf(configMapType, 'taken');
    const refusal = `ConfigMap ${namespace}/taken already exists and is not managed by this stack`;
    for (const preview of [true, false])
      await expect(plugin.create(urn, configMap('taken', { color: 'red' }), { preview })).rejects.toThrow(
        refusal,
      );
    expect((await cluster.read('v1', 'ConfigMap', namespace, 'taken'))?.data).toEqual({ color: 'blue' });

    const annotations = { 'pulumi.com/patchForce': 'true' };
    await plugin.create(urn, configMap('taken', { color: 'red' }, { annotations }));
    expect((await cluster.read('v1', 'ConfigMap', namespace, 'taken'))?.data).toEqual({ color: 'red' });
  });

  test('an update names the field and its other owner', async () => {
    const urn = urnOf(configMapType, 'shared');
    const state = await plugin.create(urn, configMap('shared', { a: '1' }));
    await applyAs('operator', configMap('shared', { b: '2' }));
    for (const preview of [true, false])
      await expect(
        plugin.update(state, configMap('shared', { a: '1', b: '3' }), { preview }),
      ).rejects.toThrow(
        `ConfigMap ${namespace}/shared has fields that another field manager owns: .data.b (conflict with "operator")`,
      );
    const updated = await plugin.update(state, configMap('shared', { a: '2' }));
    expect((await live(updated))?.data).toEqual({ a: '2', b: '2' });
  });

  test('a create continues its own create whose answer was lost, but not with other inputs', async () => {
    const urn = urnOf(configMapType, 'lost');
    const first = await plugin.create(urn, configMap('lost', { a: '1' }));
    const restarted = await newPlugin();
    const again = await restarted.create(urn, configMap('lost', { a: '1' }));
    expect(again.outputs.metadata).toEqual(first.outputs.metadata);
    await expect(restarted.create(urn, configMap('lost', { a: '2' }))).rejects.toThrow('already exists');
    restarted.stop();
  });
});

test('a cluster that cannot be reached is said so in one sentence', async () => {
  const kubeconfig = JSON.stringify({
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:9' } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    users: [{ name: 'u', user: {} }],
  });
  const unreachable = await newPlugin({ kubeconfig });
  await expect(
    unreachable.create(urnOf(configMapType, 'x'), configMap('x', {}), { preview: true }),
  ).rejects.toThrow('The Kubernetes API server at https://127.0.0.1:9/ cannot be reached: ');
  unreachable.stop();
});
