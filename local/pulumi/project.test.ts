import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { loadStackSettings } from './project';

let root: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'project-'));
});

afterEach(() => fs.rmSync(root, { recursive: true }));

const write = (stack: string, text: string) =>
  fs.writeFileSync(path.join(root, `Pulumi.${stack}.yaml`), text);

test('reads the context and the kind of preview', () => {
  write(
    'prod',
    'config:\n  agent-data-platform:kubeContext: production\n  agent-data-platform:preview: offline\n  agent-data-platform:operators: existing\n',
  );
  expect(loadStackSettings('prod', root)).toEqual({
    stack: 'prod',
    file: path.join(root, 'Pulumi.prod.yaml'),
    kubeContext: 'production',
    preview: 'offline',
    managedOperators: false,
  });
});

test('an empty file means a local cluster and online previews', () => {
  write('dev', '');
  expect(loadStackSettings('dev', root)).toEqual({
    stack: 'dev',
    file: path.join(root, 'Pulumi.dev.yaml'),
    preview: 'online',
    managedOperators: true,
  });
});

test('an unknown stack names the ones there are', () => {
  write('prod', '');
  write('dev', '');
  expect(() => loadStackSettings('stage', root)).toThrow(
    'Stack "stage" has no Pulumi.stage.yaml. Create that file, or name one of the stacks there are: dev, prod.',
  );
});

test.each([
  ['  agent-data-platform:kubeContext: 7', /kubeContext to 7\. Set it to the name of a context/],
  ['  agent-data-platform:kubeContext: ""', /kubeContext to ""\. Set it to the name of a context/],
  ['  agent-data-platform:preview: later', /preview to "later"\. Set it to online or offline\./],
  ['  "unfinished', /is not valid YAML: .+Correct the line/],
])('refuses %s', (line, message) => {
  write('dev', `config:\n${line}\n`);
  expect(() => loadStackSettings('dev', root)).toThrow(message);
});
