import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Properties } from '../marshalling';
import { PluginClient } from '../testing';
import { DockerProvider } from './provider';

const loaded: [string, string][] = [];
const archives = new Map<string, string>();

jest.mock('../../images', () => ({
  imageArchive: async (reference: string) => {
    const archive = archives.get(reference);
    if (!archive) throw new Error(`No recipe for the image ${reference}: it has shop/web:1.`);
    return archive;
  },
}));
jest.mock('../../one-node', () => ({
  loadImage: async (cluster: string, archive: string) => void loaded.push([cluster, archive]),
}));

const urn = 'urn:pulumi:test::plugins::docker:index/image:Image::web';
let folder: string;
let plugin: PluginClient;
let digests: { manifest: string; config: string };

/** Writes a blob into an OCI layout and returns its digest. */
function blob(layout: string, content: unknown): string {
  const text = JSON.stringify(content);
  const hash = createHash('sha256').update(text).digest('hex');
  fs.mkdirSync(path.join(layout, 'blobs/sha256'), { recursive: true });
  fs.writeFileSync(path.join(layout, 'blobs/sha256', hash), text);
  return `sha256:${hash}`;
}

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'docker-plugin-'));
  const layout = path.join(folder, 'layout');
  const config = blob(layout, { architecture: 'amd64' });
  const manifest = blob(layout, { config: { digest: config }, layers: [] });
  digests = { manifest, config };
  fs.writeFileSync(path.join(layout, 'index.json'), JSON.stringify({ manifests: [{ digest: manifest }] }));
  const archive = path.join(folder, 'web.tar');
  execFileSync('tar', ['-cf', archive, '-C', layout, 'index.json', 'blobs']);
  archives.set('shop/web:1', archive);
  plugin = await PluginClient.start((host) => new DockerProvider(host));
});
afterAll(() => {
  plugin.stop();
  fs.rmSync(folder, { recursive: true });
});
beforeEach(() => {
  loaded.length = 0;
  process.env.AGENT_DATA_PLATFORM_CLUSTER = 'one-node:test';
});

async function inputsOf(args: Properties): Promise<Properties> {
  const { inputs, failures } = await plugin.check(urn, { buildOnPreview: false, skipPush: true, ...args });
  expect(failures).toEqual([]);
  return inputs;
}

test('an image is made from source, loaded into the cluster, and known by its digests', async () => {
  const local = await plugin.create(urn, await inputsOf({ imageName: 'shop/web:1' }));
  expect(local.id).toBe('shop/web:1');
  expect(local.outputs).toEqual({
    imageName: 'shop/web:1',
    baseImageName: 'shop/web:1',
    context: '.',
    dockerfile: 'Dockerfile',
    registryServer: '',
    repoDigest: digests.config,
  });
  expect(loaded).toEqual([['test', archives.get('shop/web:1')]]);
  const pushed = await plugin.create(urn, await inputsOf({ imageName: 'shop/web:1', skipPush: false }));
  expect(pushed.outputs.repoDigest).toBe(`shop/web@${digests.manifest}`);
});

test('a preview builds nothing', async () => {
  const inputs = await inputsOf({ imageName: 'shop/unknown:1' });
  expect((await plugin.create(urn, inputs, { preview: true })).outputs).toEqual(inputs);
  expect(loaded).toEqual([]);
});

test('a change of name or build arguments builds again, in place', async () => {
  const state = await plugin.create(urn, await inputsOf({ imageName: 'shop/web:1' }));
  const news = await inputsOf({ imageName: 'shop/web:1', build: { args: { VERSION: '2' } } });
  const { detail, replaces } = await plugin.diff(state, news);
  expect([detail, replaces]).toEqual([{ 'build.args': 'ADD' }, []]);
  await plugin.update(state, news);
  expect(loaded).toHaveLength(2);
});

test('images nobody here can make, clusters it cannot load into, and other resources are refused', async () => {
  const official = 'The official docker plugin with a Docker daemon builds any image.';
  await expect(plugin.create(urn, await inputsOf({ imageName: 'shop/other:1' }))).rejects.toThrow(
    `No recipe for the image shop/other:1: it has shop/web:1. ${official}`,
  );
  process.env.AGENT_DATA_PLATFORM_CLUSTER = 'context';
  await expect(plugin.create(urn, await inputsOf({ imageName: 'shop/web:1' }))).rejects.toThrow(
    'The image shop/web:1 cannot be brought to the cluster "context"',
  );
  const container = 'urn:pulumi:test::plugins::docker:index/container:Container::web';
  await expect(plugin.check(container, {})).rejects.toThrow(
    'docker:index/container:Container is not served by the stand-in plugin',
  );
  expect((await plugin.check(urn, { imageName: 7 })).failures).toEqual([
    { property: 'imageName', reason: 'imageName must be a string, got 7.' },
  ]);
});
