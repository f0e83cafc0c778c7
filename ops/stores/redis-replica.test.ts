import net from 'node:net';
import { replicate, type ReplicationSource } from './redis-replica';

const MARK = '0123456789abcdefghijklmnopqrstuvwxyzABCD';
let listener: net.Server;
let source: ReplicationSource;

/** A server that answers each command with the next of these texts, and then sends chunks. */
async function serve(answers: string[], chunks: string[], end = false): Promise<void> {
  listener = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', async () => {
      socket.write(answers.shift() ?? '');
      if (answers.length > 0) return;
      for (const chunk of chunks.splice(0)) {
        await new Promise((sent) => socket.write(chunk, sent));
        await new Promise(setImmediate);
      }
      if (end) socket.end();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as net.AddressInfo;
  source = { host: '127.0.0.1', port, user: 'backup', password: 'the-password' };
}
afterEach(() => new Promise((resolve) => listener.close(resolve)));

async function received(): Promise<{ position: string; rdb: string }> {
  const { position, rdb } = await replicate(source);
  const chunks: Buffer[] = [];
  for await (const chunk of rdb) chunks.push(chunk);
  return { position, rdb: Buffer.concat(chunks).toString() };
}

const OK = ['+OK\r\n', '+OK\r\n', '+OK\r\n'];
const RESYNC = '+FULLRESYNC abc 4711\r\n';

test.each([
  ['at once', [`$EOF:${MARK}\r\nREDIS data${MARK}`]],
  ['in pieces', ['\n', '\n$EO', `F:${MARK}\r`, '\nRE', 'DIS dat', `a${MARK.slice(0, 7)}`, MARK.slice(7)]],
  ['byte by byte', [...`$EOF:${MARK}\r\nREDIS data${MARK}`]],
  ['of a length', ['$10\r\nREDIS', ' data']],
  ['of a length, with the next command', ['\n$10\r\nREDIS data*1\r\n$4\r\nPING\r\n']],
])('a data set that comes %s', async (_, chunks) => {
  await serve([...OK, RESYNC], chunks);
  expect(await received()).toEqual({ position: 'abc:4711', rdb: 'REDIS data' });
});

test('a part of the mark within the data is data', async () => {
  const data = `x${MARK.slice(0, 39)}y${MARK.slice(1)}`;
  await serve([...OK, RESYNC], [`$EOF:${MARK}\r\n`, ...data.match(/.{1,7}/g)!, MARK]);
  expect((await received()).rdb).toBe(data);
});

test.each([
  ['within the data', [`$EOF:${MARK}\r\nREDIS`], 'the connection ended'],
  ['within the mark', [`$EOF:${MARK}\r\nREDIS data${MARK.slice(1)}`], 'the connection ended'],
  ['before its length', ['$10\r\nREDIS'], 'the connection ended'],
  ['before it begins', [], 'the connection ended'],
  ['with something else', ['-ERR no memory\r\n'], 'it sends no data set'],
])('a data set that ends %s is an error', async (_, chunks, why) => {
  await serve([...OK, RESYNC], chunks, true);
  await expect(received()).rejects.toThrow(
    `Redis at 127.0.0.1:${source.port} gives "backup" no copy: ${why}.`,
  );
});

test.each([
  [['-WRONGPASS invalid username-password pair\r\n'], 'WRONGPASS invalid username-password pair.'],
  [[...OK, '-NOMASTERLINK not now\r\n'], 'NOMASTERLINK not now.'],
  [[...OK, '+CONTINUE\r\n'], 'it answers "+CONTINUE".'],
])('what the server says is said: %j', async (answers, why) => {
  await serve(answers, []);
  const failed = received().catch((error: Error) => error.message);
  expect(await failed).toContain(why);
  expect(await failed).not.toContain('the-password');
});
