import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { parse } from 'yaml';
import { type Properties, Secret, Unknown } from '../marshalling';
import { PluginClient } from '../testing';
import { KubernetesProvider } from './provider';

const urn = 'urn:pulumi:test::plugins::kubernetes:core/v1:Secret::token';
const inputs: Properties = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'token', namespace: 'shop' },
  stringData: new Secret({ token: 'hunter2' }),
};

describe('rendering to a directory, without a cluster', () => {
  let folder: string;
  let plugin: PluginClient;

  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'render-'));
    plugin = await PluginClient.start((host) => new KubernetesProvider(host), {
      kubeconfig: '/nowhere',
      renderYamlToDirectory: folder,
    });
  });
  afterAll(async () => {
    plugin.stop();
    await fs.rm(folder, { recursive: true });
  });

  test('keeps one file per object', async () => {
    const shown = await plugin.create(urn, inputs, { preview: true });
    expect(shown.outputs.stringData).toEqual(inputs.stringData);
    expect(await fs.readdir(folder)).toEqual([]);

    const state = await plugin.create(urn, inputs);
    const file = path.join(folder, '1-manifest/v1-secret-shop-token.yaml');
    expect(parse(await fs.readFile(file, 'utf8'))).toEqual({ ...inputs, stringData: { token: 'hunter2' } });
    expect((await fs.stat(file)).mode & 0o777).toBe(0o600);
    expect(await plugin.read(state)).toEqual(state);

    await plugin.update(state, { ...inputs, stringData: { token: 'new' } });
    expect(parse(await fs.readFile(file, 'utf8')).stringData).toEqual({ token: 'new' });

    await plugin.delete(state);
    expect(await plugin.read(state)).toBeUndefined();
  });

  test('puts custom resource definitions first, and takes kinds it cannot ask about as they are', async () => {
    const crd: Properties = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.com' },
    };
    const type = 'kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition';
    await plugin.create(`urn:pulumi:test::plugins::${type}::crd`, crd);
    expect(await fs.readdir(path.join(folder, '0-crd'))).toEqual([
      'apiextensions.k8s.io_v1-customresourcedefinition-default-things.example.com.yaml',
    ]);
    const custom: Properties = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'one' } };
    const checked = await plugin.check(
      'urn:pulumi:test::plugins::kubernetes:example.com/v1:Thing::one',
      custom,
    );
    expect(checked).toEqual({ inputs: custom, failures: [] });
  });
});

describe('without asking the cluster', () => {
  let plugin: PluginClient;
  beforeAll(async () => {
    plugin = await PluginClient.start((host) => new KubernetesProvider(host), { namespace: 'team' });
  });
  afterAll(() => plugin.stop());

  test('objects of built-in kinds get the provider’s namespace', async () => {
    const { inputs: checked } = await plugin.check(urn, { ...inputs, metadata: { name: 'token' } });
    expect(checked.metadata).toEqual({ name: 'token', namespace: 'team' });
  });

  test('a preview with unknown inputs returns them', async () => {
    const partial = { ...inputs, metadata: { name: 'token', namespace: Unknown.value } };
    const { id, outputs } = await plugin.create(urn, partial, { preview: true });
    expect(id).toBe('');
    expect(outputs.metadata).toMatchObject({ name: 'token', namespace: Unknown.value, uid: Unknown.value });
  });

  test('YAML text is decoded into its documents', async () => {
    const text = 'a: 1\n---\n---\nkind: List\nitems: [b]\n';
    expect(await plugin.invoke('kubernetes:yaml:decode', { text })).toEqual({
      result: [{ a: 1 }, { kind: 'List', items: ['b'] }],
    });
    await expect(plugin.invoke('kubernetes:yaml:decode', { text: 'a: [1' })).rejects.toThrow(
      'The YAML is not well-formed: ',
    );
    await expect(plugin.invoke('kubernetes:helm:template', {})).rejects.toThrow(
      'kubernetes:helm:template needs the official kubernetes plugin: the stand-in decodes YAML only.',
    );
  });

  test('an argument that is not honoured is refused', async () => {
    const start = PluginClient.start((host) => new KubernetesProvider(host), { cluster: 'other' });
    await expect(start).rejects.toThrow('The provider argument cluster ("other") needs the official');
  });
});
