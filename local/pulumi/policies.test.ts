import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { policyArgs } from './policies';

let root: string;
let pulumi: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'policies-'));
  fs.mkdirSync(path.join(root, 'policies'));
  for (const name of ['dev', 'prod']) fs.writeFileSync(path.join(root, 'policies', `${name}.json`), '{}');
  pulumi = path.join(root, 'pulumi');
  fs.writeFileSync(pulumi, '');
});
afterEach(() => fs.rmSync(root, { recursive: true }));

const args = (stack: string, ...extra: string[]) => policyArgs({ stack, pulumi, extra }, root);

test('the pack is checked at the levels of the stack, else at those of prod', () => {
  expect(args('dev', '--diff')).toEqual([
    '--policy-pack',
    'policies',
    '--policy-pack-config',
    'policies/dev.json',
  ]);
  expect(args('staging')).toEqual([
    '--policy-pack',
    'policies',
    '--policy-pack-config',
    'policies/prod.json',
  ]);
});

test('a CLI that was built from source takes the pack that it can start, also through a link', () => {
  fs.writeFileSync(path.join(root, 'pulumi-analyzer-policy-nodejs-process'), '');
  const link = path.join(root, 'policies', 'pulumi');
  fs.symlinkSync(pulumi, link);
  for (const command of [pulumi, link])
    expect(policyArgs({ stack: 'dev', pulumi: command, extra: [] }, root)[1]).toBe('policies/source-build');
});

test.each([['--policy-pack'], ['--policy-pack=other']])('%s of the person comes instead', (option) => {
  expect(args('dev', option, 'other')).toEqual([]);
});
