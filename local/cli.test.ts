import { main, report } from './cli';
import { UserError } from './user-error';

let stderr: string;
let stdout: string;
const terminal = process.stdin.isTTY;

beforeEach(() => {
  [stderr, stdout] = ['', ''];
  process.stdin.isTTY = false;
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => ((stderr += text), true));
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += text), true));
});

afterEach(() => {
  process.stdin.isTTY = terminal;
  jest.restoreAllMocks();
});

test('--help lists the commands, examples and exit codes', async () => {
  expect(await main(['--help'])).toBe(0);
  for (const name of [
    'up',
    'preview',
    'refresh',
    'down',
    'outputs',
    'test',
    'audit',
    'bench',
    'cluster',
    'env',
    'migrate',
    'seed',
  ])
    expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  expect(stdout).toContain('0 ok, 1 failure, 2 wrong usage, 3 something has to be changed first');
});

test.each([
  [['fly'], "error: unknown command 'fly'"],
  [['up', '--fast'], "error: unknown option '--fast'"],
  [['up', '../x'], 'A stack name has letters, digits, dots, dashes and underscores.'],
  [['up', 'dev', 'prod'], 'error: too many arguments'],
  [['test', 'smoke'], 'Allowed choices are unit, integration, e2e.'],
  [['audit', 'x'], 'Allowed choices are manifests.'],
  [['cluster', 'restart'], 'Allowed choices are start, stop, status.'],
  [['migrate', 'down'], "error: required option '--to <version>' not specified"],
  [['migrate', 'up', '--to', 'x'], 'A version is a number of up to six digits, such as 3 or 000003.'],
  [
    ['migrate', 'status', '--stack', 'nowhere'],
    'error: Stack "nowhere" has no Pulumi.nowhere.yaml; there are: ',
  ],
  [['seed', '--environment', '../x'], '"../x" is no environment'],
])('%j is wrong usage', async (args, message) => {
  expect(await main(args)).toBe(2);
  expect(stderr).toContain(message);
});

test('an unknown stack is a precondition, without a stack trace', async () => {
  expect(await main(['up', 'nowhere'])).toBe(3);
  expect(stderr).toMatch(
    /^error: Stack "nowhere" has no Pulumi\.nowhere\.yaml\.\nfix: Create that file, .+\n$/,
  );
});

test('down does not delete anything unasked', async () => {
  expect(await main(['down'])).toBe(2);
  expect(stderr).toBe(
    'error: Stack dev is not deleted: its data services would go away, and there is no terminal to ask on.\n' +
      'fix: Run `npm run down -- dev --yes`.\n',
  );
});

test('--debug adds the stack trace', () => {
  const error = new UserError('It is wrong.', 'Correct it.');
  expect(report(error, false)).toBe(3);
  expect(stderr).toBe('error: It is wrong.\nfix: Correct it.\n');
  expect(report(error, true)).toBe(3);
  expect(stderr).toContain('cli.test.ts');
});

test('any other error is a failure that points to --debug', () => {
  expect(report(new Error('Boom.'), false)).toBe(1);
  expect(stderr).toBe('error: Boom.\nfix: Run the command again with --debug to see where it happened.\n');
});
