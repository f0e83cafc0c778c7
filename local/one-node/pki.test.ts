import { X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { certificateSpecs, ensurePki, isUsable } from './pki';

const NODE = 'agent-data-platform-test';
const DAY_MS = 24 * 3600 * 1000;
let pki: string;
const read = (file: string) => fs.readFileSync(path.join(pki, file), 'utf8');
const spec = (name: string) => certificateSpecs(NODE)[name]!;

beforeAll(async () => {
  pki = fs.mkdtempSync(path.join(os.tmpdir(), 'pki-'));
  await ensurePki(pki, NODE);
});
afterAll(() => fs.rmSync(pki, { recursive: true }));

test('every certificate fits its key, its authority and its names', () => {
  for (const [name, wanted] of Object.entries(certificateSpecs(NODE))) {
    expect([name, isUsable(pki, name, wanted)]).toEqual([name, true]);
  }
});

test('the API server is known by the names and addresses that clients use', () => {
  const certificate = new X509Certificate(read('apiserver.crt'));
  for (const host of ['localhost', 'kubernetes.default.svc.cluster.local'])
    expect(certificate.checkHost(host)).toBe(host);
  for (const ip of ['10.96.0.1', '10.244.0.1', '127.0.0.1']) expect(certificate.checkIP(ip)).toBe(ip);
});

test('a client of the API server is nobody to etcd', () => {
  const admin = new X509Certificate(read('admin.crt'));
  const authority = (file: string) => new X509Certificate(read(file)).publicKey;
  expect(admin.verify(authority('ca.crt'))).toBe(true);
  expect(admin.verify(authority('etcd-ca.crt'))).toBe(false);
  expect(admin.subject).toBe('O=system:masters\nCN=kubernetes-admin');
});

test('private files are readable by their owner only', () => {
  for (const file of fs
    .readdirSync(pki)
    .filter((name) => name.endsWith('.key') || name === 'encryption.json'))
    expect([file, fs.statSync(path.join(pki, file)).mode & 0o777]).toEqual([file, 0o600]);
});

test('Secrets are encrypted with 32 random bytes', () => {
  const [{ providers }] = JSON.parse(read('encryption.json')).resources;
  expect(Buffer.from(providers[0].secretbox.keys[0].secret, 'base64')).toHaveLength(32);
});

test('a second run changes nothing, and renews what ends or no longer fits', async () => {
  const before = Object.fromEntries(fs.readdirSync(pki).map((file) => [file, read(file)]));
  fs.writeFileSync(path.join(pki, 'scheduler.key'), read('proxy.key'));
  await ensurePki(pki, NODE);
  const changed = Object.keys(before).filter((file) => read(file) !== before[file]);
  expect(changed.sort()).toEqual(['scheduler.crt', 'scheduler.key']);
  expect(isUsable(pki, 'admin', spec('admin'), Date.now() + 334 * DAY_MS)).toBe(true);
  expect(isUsable(pki, 'admin', spec('admin'), Date.now() + 336 * DAY_MS)).toBe(false);
});
