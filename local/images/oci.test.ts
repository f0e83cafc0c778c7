import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { run } from '../process';
import { normalizeReference, packLayer, readArchive, writeArchive } from './oci';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oci-'));
  fs.mkdirSync(path.join(folder, 'root', 'dev'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'root', 'hello'), 'world');
  fs.writeFileSync(path.join(folder, 'root', 'dev', 'null'), '');
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const pack = (name: string) => packLayer(path.join(folder, 'root'), path.join(folder, name), ['./dev/*']);
const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

test('the same content gives the same layer, whenever it was written', async () => {
  const first = await pack('a.tar');
  fs.utimesSync(path.join(folder, 'root', 'hello'), 1, 1);
  const second = await pack('b.tar');
  expect(second.digest).toBe(first.digest);
  expect(first.digest).toBe(`sha256:${sha256(fs.readFileSync(first.file))}`);
  const { stdout } = await run('tar', ['--list', '--file', first.file]);
  expect(stdout.trim().split('\n')).toEqual(['./', './dev/', './hello']);
});

test('an archive holds an index, a manifest, a config and the layers, each under its digest', async () => {
  const layer = await pack('layer.tar');
  const archive = path.join(folder, 'image.tar');
  await writeArchive(archive, 'redis:8', [layer], { User: '999', Entrypoint: ['redis-server'] });
  const content = path.join(folder, 'content');
  fs.mkdirSync(content);
  await run('tar', ['--extract', '--file', archive, '--directory', content]);
  const blob = (digest: string) =>
    fs.readFileSync(path.join(content, 'blobs/sha256', digest.replace('sha256:', '')));
  for (const file of fs.readdirSync(path.join(content, 'blobs/sha256')))
    expect(sha256(blob(file))).toBe(file);

  const { reference, digest } = await readArchive(archive);
  expect(reference).toBe('docker.io/library/redis:8');
  const manifest = JSON.parse(blob(digest).toString());
  expect(manifest.layers).toEqual([
    {
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: layer.digest,
      size: fs.statSync(layer.file).size,
    },
  ]);
  const config = JSON.parse(blob(manifest.config.digest).toString());
  expect(config.rootfs.diff_ids).toEqual([layer.digest]);
  expect(config.config).toEqual({ User: '999', Entrypoint: ['redis-server'] });
  expect(fs.existsSync(`${archive}.layout`)).toBe(false);
});

test.each([
  ['redis:8', 'docker.io/library/redis:8'],
  ['agent-data-platform/minio:1', 'docker.io/agent-data-platform/minio:1'],
  ['ghcr.io/a/b:1', 'ghcr.io/a/b:1'],
  ['localhost/a:1', 'localhost/a:1'],
  ['localhost:5000/a', 'localhost:5000/a'],
])('%s is %s in full', (reference, full) => expect(normalizeReference(reference)).toBe(full));
