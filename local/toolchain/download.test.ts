import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { download, findChecksum, publishedChecksum, reach, Unreachable } from './download';

const CONTENT = 'an archive';
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const files: Record<string, string> = {
  '/tool.tar.gz': CONTENT,
  '/checksums.txt': `${'0'.repeat(64)}  other.tar.gz\n${SHA256}  tool.tar.gz\n`,
};

let server: http.Server;
let origin: string;
let folder: string;

beforeAll(async () => {
  server = http.createServer((request, response) => {
    const content = files[request.url ?? ''];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'download-'));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  fs.rmSync(folder, { recursive: true });
});

test('a file with the published checksum is stored', async () => {
  const file = path.join(folder, 'tool.tar.gz');
  await download(
    `${origin}/tool.tar.gz`,
    await publishedChecksum(`${origin}/checksums.txt`, 'tool.tar.gz'),
    file,
  );
  expect(fs.readFileSync(file, 'utf8')).toBe(CONTENT);
});

test('a file with another checksum is refused and leaves nothing', async () => {
  const wrong = 'f'.repeat(64);
  await expect(download(`${origin}/tool.tar.gz`, wrong, path.join(folder, 'bad'))).rejects.toThrow(
    `${origin}/tool.tar.gz has SHA-256 ${SHA256}, but its publisher lists ${wrong}.`,
  );
  expect(fs.readdirSync(folder).filter((name) => name.startsWith('bad'))).toEqual([]);
});

test('a missing file and a closed port both count as unreachable', async () => {
  const missing = download(`${origin}/none`, SHA256, path.join(folder, 'none'));
  await expect(missing).rejects.toThrow(`${origin}/none answered 404 Not Found.`);
  await expect(missing).rejects.toBeInstanceOf(Unreachable);
  const closed = http.createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
  await new Promise((resolve) => closed.close(resolve));
  await expect(reach(url)).rejects.toThrow(`${url} cannot be reached: ECONNREFUSED.`);
});

test('a checksum list that does not name the file is an error', async () => {
  await expect(publishedChecksum(`${origin}/checksums.txt`, 'tool.zip')).rejects.toThrow(
    `${origin}/checksums.txt lists no SHA-256 for tool.zip.`,
  );
});

test('checksums are found in each published form', () => {
  expect(findChecksum(`${SHA256}\n`, 'kind')).toBe(SHA256);
  expect(findChecksum(`${SHA256} *dist/kind\n`, 'kind')).toBe(SHA256);
  expect(findChecksum(`${SHA256}  kind.sig\n`, 'kind')).toBeUndefined();
  expect(findChecksum('<html>not found</html>', 'kind')).toBeUndefined();
});
