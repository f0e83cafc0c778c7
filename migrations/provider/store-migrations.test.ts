import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { StoreMigrations, storeMigrationsProvider } from './store-migrations';

const declared: pulumi.runtime.MockResourceArgs[] = [];

beforeAll(() =>
  pulumi.runtime.setMocks(
    {
      newResource: (args) => {
        declared.push(args);
        return { id: args.name, state: args.inputs };
      },
      call: () => ({}),
    },
    'agent-data-platform',
    'test',
  ),
);

/** As pulumi.dynamic.Resource does it. */
async function serialise(provider = storeMigrationsProvider): Promise<string> {
  return (await pulumi.runtime.serializeFunction(() => provider, { allowSecrets: true })).text;
}

test('declares the files, the reference and nothing secret', async () => {
  const connection = {
    kind: 'service',
    namespace: 'data',
    service: 'minio',
    port: 9000,
    credentialsSecret: 'minio-root',
  } as const;
  const resource = new StoreMigrations('buckets', { store: 'minio', database: 'platform', connection });
  await new Promise((resolve) => resource.urn.apply(resolve));
  const { type, inputs } = declared.find((args) => args.name === 'buckets')!;
  const { __provider, ...rest } = inputs;
  expect(type).toBe('pulumi-nodejs:dynamic/migrations:StoreMigrations');
  // Arrays of jest's realm look like objects to the protobuf library of the mocks.
  expect({ ...rest, files: Object.values(rest.files) }).toEqual({
    store: 'minio',
    database: 'platform',
    folder: 'migrations/minio/platform',
    files: [{ file: '000001-buckets.json', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    connection,
    reportTo:
      'urn:pulumi:test::agent-data-platform::pulumi-nodejs:dynamic/migrations:StoreMigrations::buckets',
  });
  expect(typeof __provider).toBe('string');
});

test('its serialised provider is small, holds nothing of this machine, and is the same every time', async () => {
  process.env.SCRATCH_PASSWORD = 'hunter2-in-the-environment';
  const text = await serialise();
  delete process.env.SCRATCH_PASSWORD;
  expect(text.length).toBeLessThan(2048);
  expect(text).not.toMatch(/hunter2|password|secret|credential|token/i);
  expect(text).not.toContain(process.cwd());
  expect(await serialise()).toBe(text);
});

test('loads in another process and calls the compiled engine of the project it runs in', async () => {
  const project = mkdtempSync(join(tmpdir(), 'project-'));
  try {
    const compiled = join(project, 'dist/migrations/provider');
    mkdirSync(compiled, { recursive: true });
    mkdirSync(join(project, 'dist/stacks'));
    writeFileSync(join(project, 'provider.js'), await serialise());
    writeFileSync(
      join(compiled, 'run.js'),
      `for (const name of ['check', 'diff', 'create', 'update', 'read', 'remove'])
         exports[name] = async (...args) => [name, ...args];`,
    );
    const script = `
      const provider = require('../../provider.js').handler();
      Promise.all([
        provider.check('olds', 'news'), provider.diff('id', 'olds', 'news'), provider.create('inputs'),
        provider.update('id', 'olds', 'news'), provider.read('id', 'props'), provider.delete('id', 'props'),
      ]).then((calls) => console.log(JSON.stringify(calls)));`;
    // Pulumi runs plugins in the folder of the program's entry point.
    const cwd = join(project, 'dist/stacks');
    writeFileSync(join(cwd, 'call.js'), script);
    const { stdout, stderr } = spawnSync(process.execPath, ['call.js'], { cwd, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual([
      ['check', 'olds', 'news'],
      ['diff', 'id', 'olds', 'news'],
      ['create', 'inputs'],
      ['update', 'id', 'olds', 'news'],
      ['read', 'id', 'props'],
      ['remove', 'id', 'props'],
    ]);
  } finally {
    rmSync(project, { recursive: true });
  }
});
