import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { ensurePulumiCli, isRecentEnough, officialRelease } from './pulumi-cli';

test.each([
  ['v3.200.0', true],
  ['v3.255.0', true],
  ['v4.0.0', true],
  ['3.201.1-alpha.2', true],
  ['v3.199.9', false],
  ['v2.300.0', false],
  ['unknown', false],
])('version %s is recent enough: %s', (version, expected) => {
  expect(isRecentEnough(version)).toBe(expected);
});

test('the official release is named after the machine; other machines have none', () => {
  expect(officialRelease('linux', 'x64')).toEqual({
    archive: 'pulumi-v3.255.0-linux-x64.tar.gz',
    url: 'https://get.pulumi.com/releases/sdk/pulumi-v3.255.0-linux-x64.tar.gz',
    checksums: 'https://get.pulumi.com/releases/sdk/pulumi-3.255.0-checksums.txt',
  });
  expect(officialRelease('freebsd', 'x64')).toBeUndefined();
});

describe('with a CLI on PATH', () => {
  let folder: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pulumi-cli-'));
  });

  afterEach(() => fs.rmSync(folder, { recursive: true }));

  const install = (name: string, version: string) =>
    fs.writeFileSync(path.join(folder, name), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });

  test('a recent one with a language host is used as it is', async () => {
    install('pulumi', 'v3.230.0');
    install('pulumi-language-nodejs', '');
    expect(await ensurePulumiCli({ PATH: folder })).toEqual({
      command: path.join(folder, 'pulumi'),
      origin: 'PATH',
    });
  });
});
