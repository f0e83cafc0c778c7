import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, providerText } from './compiled-resource';
import { StoreMigrations } from './store-migrations';

const PROVIDER: CompiledProvider = {
  module: 'migrations/provider/run',
  methods: ['check', 'diff', 'create', 'update', 'read', 'delete'],
};

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

test('declares the files, the reference and nothing secret', async () => {
  const connection = {
    kind: 'service',
    namespace: 'data',
    service: 'minio',
    port: 9000,
    credentialsSecret: 'minio-owner',
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
    files: ['000001-buckets.json', '000002-elasticsearch-snapshots.json'].map((file) => ({
      file,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })),
    connection,
    reportTo:
      'urn:pulumi:test::agent-data-platform::pulumi-nodejs:dynamic/migrations:StoreMigrations::buckets',
  });
  expect(typeof __provider).toBe('string');
});

test('loads in another process and calls the compiled engine of the project it runs in', async () => {
  const project = mkdtempSync(join(tmpdir(), 'project-'));
  try {
    const compiled = join(project, 'dist/migrations/provider');
    mkdirSync(compiled, { recursive: true });
    mkdirSync(join(project, 'dist/stacks'));
    writeFileSync(join(project, 'provider.js'), providerText(PROVIDER));
    writeFileSync(
      join(compiled, 'run.js'),
      `exports.provider = {};
       for (const name of ${JSON.stringify(PROVIDER.methods)}) exports.provider[name] = async (...args) => [name, ...args];`,
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
      ['delete', 'id', 'props'],
    ]);
  } finally {
    rmSync(project, { recursive: true });
  }
});
