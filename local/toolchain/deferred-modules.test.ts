import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../paths';

const preload = join(projectRoot(), 'dist/local/toolchain/deferred-modules.js');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deferred-modules-'));
  const typescript = join(folder, 'node_modules/typescript');
  mkdirSync(typescript, { recursive: true });
  writeFileSync(
    join(typescript, 'index.js'),
    'console.log("loaded"); module.exports = { version: "1", parse: (text) => text.length };',
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(program: string): string[] {
  const file = join(folder, 'program.js');
  writeFileSync(file, program);
  const output = execFileSync(process.execPath, ['--require', preload, file], { encoding: 'utf8' });
  return output.trim().split('\n');
}

test('a deferred module is not loaded by importing it, as TypeScript compiles imports', () => {
  const importStar = 'const m = require("typescript"); const ts = m && m.__esModule ? m : { ...m };';
  expect(run(`${importStar} console.log("imported");`)).toEqual(['imported']);
});

test('its first use loads it, once, and gives its own exports', () => {
  expect(
    run(`const ts = require("typescript"); console.log("imported");
      console.log(ts.parse("four"), ts.version, "parse" in ts, Object.keys(ts).join());`),
  ).toEqual(['imported', 'loaded', '4 1 true version,parse']);
});

test('a module that is missing fails where it is used, with its name', () => {
  expect(
    run(`const arborist = require("@npmcli/arborist");
      try { arborist.Arborist; } catch (error) { console.log(error.code, error.message.split("\\n")[0]); }`),
  ).toEqual(["MODULE_NOT_FOUND Cannot find module '@npmcli/arborist'"]);
});

test('stack traces are left as they are: the module that maps them is not even looked for', () => {
  expect(run('require("source-map-support/register"); console.log("not looked for");')).toEqual([
    'not looked for',
  ]);
});
