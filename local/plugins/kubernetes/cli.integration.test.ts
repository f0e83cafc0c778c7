import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { KubernetesCluster } from '../../../migrations/kubernetes/cluster';

const root = path.resolve(__dirname, '../../..');
const namespace = `plugin-cli-${randomBytes(4).toString('hex')}`;
const cluster = KubernetesCluster.load();
let folder: string;

jest.setTimeout(180_000);

/** A program as a user would write it: nothing in it knows which plugin serves it. */
const program = `
const kubernetes = require('@pulumi/kubernetes');
const random = require('@pulumi/random');
const namespace = new kubernetes.core.v1.Namespace('ns', { metadata: { name: '${namespace}' } });
const metadata = { namespace: namespace.metadata.name };
const password = new random.RandomPassword('password', { length: 24, special: false });
new kubernetes.core.v1.Secret('secret', {
  metadata: { ...metadata, name: 'secret' },
  stringData: { password: password.result },
});
new kubernetes.core.v1.ConfigMap('settings', {
  metadata: { ...metadata, name: 'settings' },
  data: { color: process.env.COLOR },
});
const generated = new kubernetes.core.v1.ConfigMap('generated', { metadata, data: { a: '1' } });
exports.generated = generated.metadata.name;
exports.password = password.result;
`;

const plugins = ['kubernetes', 'random'];

async function pulumi(args: string[], color = 'red'): Promise<{ code: number; output: string }> {
  const env = {
    ...process.env,
    PATH: `${folder}/bin:${process.env.PATH}`,
    COLOR: color,
    PULUMI_HOME: `${folder}/home`,
    PULUMI_BACKEND_URL: `file://${folder}/state`,
    PULUMI_CONFIG_PASSPHRASE: 'test',
    PULUMI_CONFIG_PASSPHRASE_FILE: '',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
  };
  const options = { cwd: folder, env, maxBuffer: 16 << 20 };
  try {
    const { stdout, stderr } = await promisify(execFile)('pulumi', [...args, '--non-interactive'], options);
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

async function succeed(args: string[], color?: string): Promise<string> {
  const { code, output } = await pulumi(args, color);
  if (code !== 0) throw new Error(`pulumi ${args.join(' ')} failed:\n${output}`);
  return output;
}

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'plugins-cli-'));
  for (const name of ['bin', 'home', 'state']) await fs.mkdir(path.join(folder, name));
  await fs.symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  const settings = 'name: plugins\nmain: index.js\nruntime: {name: nodejs, options: {typescript: false}}\n';
  await fs.writeFile(path.join(folder, 'Pulumi.yaml'), settings);
  const dependencies = { '@pulumi/kubernetes': '*', '@pulumi/pulumi': '*', '@pulumi/random': '*' };
  await fs.writeFile(path.join(folder, 'package.json'), JSON.stringify({ name: 'plugins', dependencies }));
  await fs.writeFile(path.join(folder, 'index.js'), program);
  for (const plugin of plugins) {
    const main = path.join(root, 'dist/local/plugins', plugin, 'main.js');
    const launcher = `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`;
    await fs.writeFile(path.join(folder, 'bin', `pulumi-resource-${plugin}`), launcher, { mode: 0o755 });
  }
  await succeed(['stack', 'init', 'test']);
});

afterAll(async () => {
  await cluster.delete('v1', 'Namespace', undefined, namespace, { propagationPolicy: 'Background' });
  await fs.rm(folder, { recursive: true, force: true });
});

test('preview, up, no change, refresh, replacement and destroy through the Pulumi CLI', async () => {
  expect(await succeed(['preview'])).toMatch(/\+ 6 to create/);
  expect(await cluster.read('v1', 'Namespace', undefined, namespace)).toBeUndefined();

  await succeed(['up', '--yes', '--skip-preview']);
  const outputs = JSON.parse(await succeed(['stack', 'output', '--json', '--show-secrets'])) as {
    generated: string;
    password: string;
  };
  expect(outputs.generated).toMatch(/^generated-[0-9a-f]{8}$/);
  expect(outputs.password).toMatch(/^[A-Za-z0-9]{24}$/);
  const secret = await cluster.secret(namespace, 'secret');
  expect(secret).toEqual({ password: outputs.password });

  const state = await succeed(['stack', 'export']);
  expect(state).not.toContain(outputs.password);
  expect(state).not.toContain(Buffer.from(outputs.password).toString('base64'));

  await succeed(['preview', '--expect-no-changes']);
  await succeed(['refresh', '--yes', '--skip-preview', '--expect-no-changes']);

  const diff = await succeed(['preview', '--diff'], 'blue');
  expect(diff).toMatch(/~ color: "red" => "blue"/);
  expect(diff).toMatch(/\+-1 to replace/);
  await succeed(['up', '--yes', '--skip-preview'], 'blue');
  expect((await cluster.read('v1', 'ConfigMap', namespace, 'settings'))?.data).toEqual({ color: 'blue' });

  await succeed(['destroy', '--yes', '--skip-preview'], 'blue');
  expect(await cluster.read('v1', 'Namespace', undefined, namespace)).toBeUndefined();
});

test.each(plugins)(
  'the %s plugin prints its port and ends with the engine that holds its stdin',
  async (plugin) => {
    const child = spawn(path.join(folder, 'bin', `pulumi-resource-${plugin}`), ['127.0.0.1:1']);
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    expect(port.toString()).toMatch(/^\d+\n$/);
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  },
);
