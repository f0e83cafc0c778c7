import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { backendEnvironment, chooseBackend, passphraseFile } from './backend';

let folder: string;
let projectFile: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backend-'));
  projectFile = path.join(folder, 'Pulumi.yaml');
  fs.writeFileSync(projectFile, 'name: agent-data-platform\n');
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

const choose = (env: NodeJS.ProcessEnv) => chooseBackend({ HOME: folder, ...env }, projectFile);

test('the default is a folder below the state root, and naming it explicitly changes nothing', () => {
  const state = path.join(folder, 'state');
  const expected = { kind: 'default', url: `file://${state}/pulumi`, folder: `${state}/pulumi` };
  expect(choose({ AGENT_DATA_PLATFORM_STATE: state })).toEqual(expected);
  expect(choose({ AGENT_DATA_PLATFORM_STATE: state, PULUMI_BACKEND_URL: expected.url })).toEqual(expected);
});

test('variables, the project file and a login each configure another backend', () => {
  expect(choose({ PULUMI_BACKEND_URL: 's3://states', PULUMI_ACCESS_TOKEN: 'x' })).toEqual({
    kind: 'configured',
    url: 's3://states',
    why: 'PULUMI_BACKEND_URL',
  });
  expect(choose({ PULUMI_ACCESS_TOKEN: 'x' })).toEqual({ kind: 'configured', why: 'PULUMI_ACCESS_TOKEN' });
  fs.writeFileSync(path.join(folder, 'credentials.json'), '{"current":"https://api.example.com"}');
  expect(choose({ PULUMI_HOME: folder })).toEqual({
    kind: 'configured',
    url: 'https://api.example.com',
    why: 'pulumi login',
  });
  fs.writeFileSync(projectFile, 'backend:\n  url: gs://states\n');
  expect(choose({ PULUMI_HOME: folder })).toEqual({
    kind: 'configured',
    url: 'gs://states',
    why: 'Pulumi.yaml',
  });
});

test('a logged-out Pulumi uses the default', () => {
  fs.writeFileSync(path.join(folder, 'credentials.json'), '{"current":""}');
  expect(choose({ PULUMI_HOME: folder }).kind).toBe('default');
});

test('the passphrase is made once, for its owner alone, and given by file', () => {
  const state = path.join(folder, 'pulumi');
  const backend = { kind: 'default', url: `file://${state}`, folder: state } as const;
  const env = backendEnvironment(backend, {});
  const file = path.join(state, 'passphrase');
  expect(env).toEqual({ PULUMI_BACKEND_URL: `file://${state}`, PULUMI_CONFIG_PASSPHRASE_FILE: file });
  const first = fs.readFileSync(file, 'utf8');
  expect(first).toMatch(/^[\w-]{32}$/);
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  expect(passphraseFile(state)).toBe(file);
  expect(fs.readFileSync(file, 'utf8')).toBe(first);
  expect(fs.readdirSync(state)).toEqual(['passphrase']);
});

test('a passphrase that is given is used, and a configured backend gets none of ours', () => {
  const backend = { kind: 'default', url: `file://${folder}`, folder } as const;
  expect(backendEnvironment(backend, { PULUMI_CONFIG_PASSPHRASE: '' })).toEqual({
    PULUMI_BACKEND_URL: `file://${folder}`,
  });
  expect(backendEnvironment({ kind: 'configured', url: 's3://states', why: 'x' }, {})).toEqual({
    PULUMI_BACKEND_URL: 's3://states',
  });
});
