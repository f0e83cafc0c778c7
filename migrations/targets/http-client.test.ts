import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { issueCertificate, type KeyPair, newAuthority } from '../../components/certificates/x509';
import { isUnreachable } from '../engine/retry';
import { basicAuthorization, http, HttpError } from './http-client';

let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/silent') return;
    if (request.url === '/echo') return void request.pipe(response);
    const status = Number(request.url!.slice(1));
    if (status === 302) response.setHeader('location', '/200');
    if (status === 403) response.setHeader('content-type', 'text/html');
    response.writeHead(status).end(status === 404 ? '' : `answer to ${request.method}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const failure = async (path: string, timeoutMs = 5_000): Promise<HttpError> => {
  const error = await http({ method: 'GET', url: url + path, timeoutMs }).catch((reason: unknown) => reason);
  if (!(error instanceof HttpError))
    throw new Error('The request did not fail as expected.', { cause: error });
  return error;
};

test('gives the text of a success', async () => {
  expect(await http({ method: 'PUT', url: `${url}/201` })).toBe('answer to PUT');
});

test.each(['PUT', 'POST', 'DELETE'] as const)('a %s arrives with the whole of its body', async (method) => {
  for (const body of ['first', new Uint8Array([0xc3, 0xa4])])
    expect(await http({ method, url: `${url}/echo`, body })).toBe(body === 'first' ? 'first' : 'ä');
});

test.each([
  ['/400', 400, 'answer to GET', false],
  ['/404', 404, '404 Not Found', false],
  ['/403', 403, '403 Forbidden', false],
  ['/500', 500, 'answer to GET', false],
  ['/503', 503, 'answer to GET', true],
])('%s is an error with the words of the server', async (path, status, message, away) => {
  const error = await failure(path);
  expect([error.status, error.message, isUnreachable(error)]).toEqual([status, message, away]);
});

test('a server that does not answer in time cannot be reached', async () => {
  const error = await failure('/silent', 50);
  expect([error.status, error.code, isUnreachable(error)]).toEqual([undefined, 'ETIMEDOUT', true]);
});

test('credentials are not carried to where a server redirects', async () => {
  expect((await failure('/302')).status).toBe(302);
});

test('user and password in the form of HTTP Basic', () => {
  expect(basicAuthorization('app', 'secret')).toBe('Basic YXBwOnNlY3JldA==');
});

test('a server is trusted with a certificate of the given authority for the given name, and not otherwise', async () => {
  const validity = { from: new Date(), days: 1 };
  const [authority, other] = [await newAuthority('one', validity), await newAuthority('other', validity)];
  const { certificate: cert, privateKey: key } = await issueCertificate(authority, ['store'], validity);
  const secure = createSecureServer({ cert, key }, (request, response) => {
    request.resume().on('end', () => response.end(`secure ${request.method}`));
  });
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  const ask = ({ certificate: ca }: KeyPair, serverName: string) =>
    http({
      method: 'POST',
      url: `https://127.0.0.1:${(secure.address() as AddressInfo).port}`,
      body: 'ä',
      tls: { ca, serverName },
    });
  try {
    expect(await ask(authority, 'store')).toBe('secure POST');
    for (const [ca, name, code] of [
      [authority, 'another', 'ERR_TLS_CERT_ALTNAME_INVALID'],
      [other, 'store', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ] as const) {
      const error = (await ask(ca, name).catch((reason: unknown) => reason)) as HttpError;
      expect([error.code, isUnreachable(error)]).toEqual([code, false]);
    }
  } finally {
    secure.closeAllConnections();
    secure.close();
  }
});
