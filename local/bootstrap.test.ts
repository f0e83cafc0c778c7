import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { waitFor } from './process';

const BOOTSTRAP = path.join(__dirname, 'bootstrap.js');

/** A command line that prints its arguments, or waits to be interrupted. */
const CLI = `
if (process.argv[2] === 'wait') {
  process.on('SIGINT', () => process.exit(130));
  require('fs').writeFileSync('waiting', '');
  setInterval(() => {}, 1000);
} else {
  console.log(process.argv.slice(2).join(' '));
  process.exitCode = Number(process.argv[3] || 0);
}`;

// Each test starts processes, which is slow on a busy machine.

let root: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'bootstrap-'));
  write('local/bootstrap.js', fs.readFileSync(BOOTSTRAP, 'utf8'));
  write('local/cli.ts', CLI);
  write('local/other.ts', 'other');
  write('tsconfig.json', '{ "include": ["local", "absent"] }');
  write('package-lock.json', lock({ 'node_modules/a': { version: '1.0.0' } }));
  write('fake/npm-cli.js', fakeNpm);
});

afterEach(() => fs.rmSync(root, { recursive: true }));

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  fs.writeFileSync(path.join(root, name), text);
}

const lock = (packages: object) => JSON.stringify({ packages: { '': {}, ...packages } });
const exists = (name: string) => fs.existsSync(path.join(root, name));
const lines = (name: string) =>
  exists(name) ? fs.readFileSync(path.join(root, name), 'utf8').trim().split('\n') : [];

/** Installs a compiler that copies each source to dist, and records its calls. */
const fakeNpm = `
const fs = require('fs');
fs.appendFileSync('npm-calls', process.argv.slice(2, 3).join(' ') + '\\n');
fs.mkdirSync('node_modules/typescript/bin', { recursive: true });
fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
fs.writeFileSync('node_modules/typescript/bin/tsc', \`
const fs = require('fs');
fs.appendFileSync('tsc-calls', 'tsc\\\\n');
fs.mkdirSync('dist/local', { recursive: true });
for (const name of fs.readdirSync('local').filter((file) => file.endsWith('.ts')))
  fs.copyFileSync('local/' + name, 'dist/local/' + name.replace('.ts', '.js'));
process.exit(fs.readFileSync('local/cli.ts', 'utf8').includes('type error') ? 2 : 0);
\`);
`;

const environment = () => ({ ...process.env, npm_execpath: path.join(root, 'fake', 'npm-cli.js') });
const start = (...args: string[]) =>
  spawnSync(process.execPath, ['local/bootstrap.js', ...args], {
    cwd: root,
    env: environment(),
    encoding: 'utf8',
  });

test('the first run installs and compiles, the next one does neither', () => {
  const first = start('up', '7', '--yes');
  expect(first).toMatchObject({ status: 7, stdout: 'up 7 --yes\n' });
  expect(first.stderr.replaceAll(/\d+\.\d s/g, 'N s')).toBe(
    '• Installing npm packages\n✓ Installing npm packages (N s)\n• Compiling TypeScript\n✓ Compiling TypeScript (N s)\n',
  );
  expect(start('up')).toMatchObject({ status: 0, stdout: 'up\n', stderr: '' });
  expect(lines('npm-calls')).toEqual(['ci']);
  expect(lines('tsc-calls')).toEqual(['tsc']);
});

test('a changed source is compiled again, and the output of a removed one goes', () => {
  start('up');
  write('local/cli.ts', `${CLI}\nconsole.log('new');`);
  fs.rmSync(path.join(root, 'local', 'other.ts'));
  expect(start('up').stdout).toBe('up\nnew\n');
  expect(exists('dist/local/other.js')).toBe(false);
  expect(lines('tsc-calls')).toHaveLength(2);
  expect(lines('npm-calls')).toHaveLength(1);
});

test('a changed lock file is installed unless npm did so already', () => {
  start('up');
  const next = lock({
    'node_modules/a': { version: '1.1.0' },
    'node_modules/other-platform': { version: '1.0.0', optional: true },
  });
  write('package-lock.json', next);
  start('up');
  expect(lines('npm-calls')).toEqual(['ci', 'ci']);
  const installed = lock({ 'node_modules/a': { version: '1.2.0' } });
  write(
    'package-lock.json',
    installed.replace('}}}', '},"node_modules/b":{"version":"1.0.0","optional":true}}}'),
  );
  write('node_modules/.package-lock.json', installed);
  start('up');
  expect(lines('npm-calls')).toEqual(['ci', 'ci']);
});

test('a compilation that fails runs nothing, and is tried again', () => {
  write('local/cli.ts', 'type error');
  const failed = start('up');
  expect(failed.status).toBe(1);
  expect(failed.stdout).toBe('');
  expect(failed.stderr).toMatch(/error: Compiling TypeScript failed after \d+\.\d s\.\nfix: Correct what/);
  expect(start('up').status).toBe(1);
  expect(lines('tsc-calls')).toHaveLength(2);
});

test('two runs at once compile one after the other, once', async () => {
  const runs = [1, 2].map(
    () =>
      new Promise<number | null>((resolve) => {
        const child = spawn(process.execPath, ['local/bootstrap.js', 'up'], {
          cwd: root,
          env: environment(),
          stdio: 'ignore',
        });
        child.on('exit', resolve);
      }),
  );
  expect(await Promise.all(runs)).toEqual([0, 0]);
  expect(lines('npm-calls')).toEqual(['ci']);
  expect(lines('tsc-calls')).toEqual(['tsc']);
  expect(fs.readdirSync(path.join(root, 'dist', '.preparing'))).toEqual([]);
});

test('the claim of a killed run is taken over', () => {
  write(`dist/.preparing/${2 ** 22 + 1}.1`, '');
  expect(start('up').status).toBe(0);
});

test('an interrupt reaches the command, and its exit code comes back', async () => {
  start('up');
  const child = spawn(process.execPath, ['local/bootstrap.js', 'wait'], {
    cwd: root,
    env: environment(),
    stdio: 'ignore',
  });
  const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
  await waitFor(() => (exists('waiting') ? true : undefined), 20_000);
  child.kill('SIGINT');
  expect(await exit).toBe(130);
});

test('a Node.js that is too old is told so', () => {
  write('old.js', `Object.defineProperty(process, 'versions', { value: { node: '16.20.2' } });`);
  const result = spawnSync(process.execPath, ['-r', './old.js', 'local/bootstrap.js', 'up'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(result.status).toBe(3);
  expect(result.stderr).toBe(
    'error: Node.js 16.20.2 is too old to start agent-data-platform.\n' +
      'fix: install Node.js 18 or newer (https://nodejs.org), then run the command again.\n',
  );
});
