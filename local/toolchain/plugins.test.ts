import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { projectRoot } from '../paths';
import { ensurePlugins, pluginVersion } from './plugins';

const NAMES = ['kubernetes', 'random', 'docker'];
const cacheBefore = process.env.AGENT_DATA_PLATFORM_CACHE;
let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'plugins-'));
  // A fresh refusal, so that the test never asks the network.
  fs.writeFileSync(path.join(folder, 'pulumi-downloads-unreachable'), '');
  process.env.AGENT_DATA_PLATFORM_CACHE = folder;
});

afterEach(() => {
  if (cacheBefore === undefined) delete process.env.AGENT_DATA_PLATFORM_CACHE;
  else process.env.AGENT_DATA_PLATFORM_CACHE = cacheBefore;
  fs.rmSync(folder, { recursive: true });
});

const install = (name: string) =>
  fs.mkdirSync(path.join(folder, 'plugins', `resource-${name}-v${pluginVersion(name)}`), { recursive: true });

test('the version is that of the npm package', () => {
  const manifest = path.join(projectRoot(), 'node_modules', '@pulumi', 'random', 'package.json');
  expect(pluginVersion('random')).toBe(
    (JSON.parse(fs.readFileSync(manifest, 'utf8')) as { version: string }).version,
  );
});

test('installed official plugins are left alone', async () => {
  NAMES.forEach(install);
  expect(await ensurePlugins({ PULUMI_HOME: folder, PATH: '' })).toEqual({ origin: 'installed', env: {} });
});

test('one missing plugin on a closed network brings all stand-ins, in a home of their own', async () => {
  install('random');
  install('docker');
  const { origin, env } = await ensurePlugins({ PULUMI_HOME: folder, PATH: '' });
  expect(origin).toBe('stand-ins');
  const home = path.join(projectRoot(), 'dist', 'pulumi-home');
  expect(env).toEqual({
    PULUMI_HOME: home,
    PULUMI_CREDENTIALS_PATH: folder,
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
  });
  for (const name of NAMES) {
    const launcher = path.join(
      home,
      'plugins',
      `resource-${name}-v${pluginVersion(name)}`,
      `pulumi-resource-${name}`,
    );
    const main = path.join(projectRoot(), 'dist', 'local', 'plugins', name, 'main.js');
    expect(fs.readFileSync(launcher, 'utf8')).toContain(`${main}`);
    expect(fs.statSync(launcher).mode & 0o111).toBe(0o111);
  }
});

test('a plugin whose installation was interrupted does not count', async () => {
  NAMES.forEach(install);
  const half = path.join(folder, 'plugins', `resource-docker-v${pluginVersion('docker')}.partial`);
  fs.writeFileSync(half, '');
  expect((await ensurePlugins({ PULUMI_HOME: folder, PATH: '' })).origin).toBe('stand-ins');
});
