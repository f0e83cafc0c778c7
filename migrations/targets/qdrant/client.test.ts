import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isUnreachable } from '../../engine/retry';
import { answer, ifFound, qdrantClient, QdrantError } from './client';
import { openTlsTunnel } from './tls-tunnel';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function listen(made: Server): Promise<number> {
  server = made.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
const replying =
  (status: number, body: string, type = 'application/json'): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': type });
    response.end(body);
  };
const clientOf = (port: number) => qdrantClient({ url: `http://127.0.0.1:${port}`, apiKey: 'secret-key' });

test.each([
  [400, '{"status":{"error":"Wrong input: no"}}', 'application/json', 'Wrong input: no', false],
  [401, 'Invalid API key or JWT', 'text/plain', 'Invalid API key or JWT', false],
  [503, '{"status":{"error":"Service is down"}}', 'application/json', 'Service is down', true],
])('an answer %i is an error with the words of Qdrant', async (status, body, type, message, unreachable) => {
  const port = await listen(createServer(replying(status, body, type)));
  const error: unknown = await answer(clientOf(port).getCollections()).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(QdrantError);
  expect(error).toMatchObject({ message, status });
  expect(isUnreachable(error)).toBe(unreachable);
});

test('a server that is away is an error that says so and is worth another attempt', async () => {
  const port = await listen(createServer());
  server!.close();
  const error: unknown = await answer(clientOf(port).getCollections()).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'ECONNREFUSED', status: undefined });
  expect(isUnreachable(error)).toBe(true);
});

test('what is not there is undefined, and other errors are errors', async () => {
  const port = await listen(createServer(replying(404, '{"status":{"error":"Not found"}}')));
  await expect(ifFound(clientOf(port).getCollection('x'))).resolves.toBeUndefined();
  server!.removeAllListeners('request').on('request', replying(403, '{"status":{"error":"Forbidden"}}'));
  await expect(ifFound(clientOf(port).getCollection('x'))).rejects.toThrow('Forbidden');
});

describe('with TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qdrant-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  beforeAll(() => {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
        ...['-subj', '/CN=qdrant', '-addext', 'subjectAltName=DNS:qdrant', '-keyout', key, '-out', cert],
      ],
      { stdio: 'ignore' },
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const secured = () =>
    createSecureServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      replying(200, '{"result":{"collections":[{"name":"docs"}]},"status":"ok"}'),
    );

  test('requests go through a verified connection', async () => {
    const port = await listen(secured());
    const ca = readFileSync(cert, 'utf8');
    const tunnel = await openTlsTunnel({ host: '127.0.0.1', port, ca, serverName: 'qdrant' });
    try {
      const client = qdrantClient({ url: tunnel.url, apiKey: 'secret-key' });
      expect(await answer(client.getCollections())).toEqual({ collections: [{ name: 'docs' }] });
    } finally {
      await tunnel.close();
    }
  });

  test('a certificate for another name is refused', async () => {
    const port = await listen(secured());
    const ca = readFileSync(cert, 'utf8');
    await expect(openTlsTunnel({ host: '127.0.0.1', port, ca, serverName: 'other' })).rejects.toThrow(
      "Hostname/IP does not match certificate's altnames",
    );
  });
});
