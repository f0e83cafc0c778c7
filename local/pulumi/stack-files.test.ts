import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { encryptionSalt, prepareDefaultStack, withEncryptionSalt } from './stack-files';

const SALT = 'v1:abc=:v1:def:ghi==';
const state = (providers: object) =>
  JSON.stringify({ checkpoint: { latest: { secrets_providers: providers } } });

test('the salt is that of the state', () => {
  expect(encryptionSalt(state({ type: 'passphrase', state: { salt: SALT } }))).toBe(SALT);
  expect(encryptionSalt(state({ type: 'cloud', state: { url: 'x' } }))).toBeUndefined();
  expect(encryptionSalt('{"version":3}')).toBeUndefined();
});

test.each([
  ['config:\n  a:b: 1\n', `config:\n  a:b: 1\nencryptionsalt: ${SALT}\n`],
  ['config: {}', `config: {}\nencryptionsalt: ${SALT}\n`],
  ['encryptionsalt: own\nconfig: {}\n', 'encryptionsalt: own\nconfig: {}\n'],
  ['secretsprovider: awskms://x\n', 'secretsprovider: awskms://x\n'],
])('the salt is added to %j unless the file settles its encryption', (committed, expected) => {
  expect(withEncryptionSalt(committed, SALT)).toBe(expected);
});

test('a new stack is created away from the project, and edits of the committed file reach the copy', async () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'stack-files-'));
  try {
    const folder = path.join(root, 'pulumi');
    const file = path.join(folder, '.pulumi', 'stacks', 'agent-data-platform', 'dev.json');
    const pulumi = path.join(root, 'pulumi-cli');
    const text = state({ type: 'passphrase', state: { salt: SALT } });
    const script = `#!/bin/sh\necho "$PWD $*" >> ${root}/calls\nmkdir -p ${path.dirname(file)}\necho '${text}' > ${file}\n`;
    fs.writeFileSync(pulumi, script, { mode: 0o755 });
    const committed = path.join(root, 'Pulumi.dev.yaml');
    const settings = { stack: 'dev', file: committed, preview: 'online' as const, managedOperators: true };
    const prepare = () => prepareDefaultStack(pulumi, folder, settings, {});

    fs.writeFileSync(committed, 'config:\n  a:b: 1\n');
    const copy = await prepare();
    expect(fs.readFileSync(copy, 'utf8')).toBe(`config:\n  a:b: 1\nencryptionsalt: ${SALT}\n`);
    fs.writeFileSync(committed, 'config:\n  a:b: 2\n');
    expect(await prepare()).toBe(copy);
    expect(fs.readFileSync(copy, 'utf8')).toBe(`config:\n  a:b: 2\nencryptionsalt: ${SALT}\n`);
    expect(fs.readFileSync(committed, 'utf8')).toBe('config:\n  a:b: 2\n');

    const calls = fs.readFileSync(path.join(root, 'calls'), 'utf8').trim().split('\n');
    expect(calls).toHaveLength(1);
    const [cwd, ...args] = calls[0]!.split(' ');
    expect(args.join(' ')).toBe('stack init dev --non-interactive --no-select');
    expect(fs.existsSync(cwd!)).toBe(false);
  } finally {
    fs.rmSync(root, { recursive: true });
  }
});
