import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { assertHost, missingPackages } from './host';

test('without root the error names the three ways out', () => {
  expect(() => assertHost({ platform: 'linux', uid: 1000 })).toThrow(
    'The one-node cluster needs root, and this process runs as user 1000. ' +
      'Run it as root, or install Docker, or set kubeContext to a cluster you have.',
  );
});

test('another system is told to use Docker or a cluster', () => {
  expect(() => assertHost({ platform: 'darwin', uid: 0 })).toThrow(
    'The one-node cluster runs on Linux, and this is darwin. Install Docker, or set kubeContext to a cluster you have.',
  );
});

test('Linux with root is fine', () => expect(() => assertHost({ platform: 'linux', uid: 0 })).not.toThrow());

test('lists the packages whose commands are missing', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'host-'));
  try {
    fs.writeFileSync(path.join(folder, 'runc'), '', { mode: 0o755 });
    const missing = missingPackages({ PATH: folder });
    expect(missing).toContain('etcd-server');
    expect(missing).not.toContain('runc');
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
