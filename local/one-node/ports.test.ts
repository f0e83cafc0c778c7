import * as net from 'node:net';
import { UserError } from '../user-error';
import { assertPortsFree, portHolders } from './ports';

let server: net.Server;
let port: number;
beforeEach(async () => {
  server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as net.AddressInfo).port;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

test('finds the process that listens on a port', () => {
  expect(portHolders([port])).toEqual([{ port, pid: process.pid, command: expect.any(String) }]);
});

test('a taken port is an error that names port, process and fix', () => {
  const check = () => assertPortsFree([port]);
  expect(check).toThrow(UserError);
  expect(check).toThrow(
    new RegExp(
      `^Port ${port}, .* is taken by .* \\(process ${process.pid}\\)\\. Stop that process, or set kubeContext`,
    ),
  );
});

test('a port that is free again is no error', async () => {
  await new Promise((resolve) => server.close(resolve));
  server = net.createServer().listen(0, '127.0.0.1');
  expect(() => assertPortsFree([port])).not.toThrow();
});
