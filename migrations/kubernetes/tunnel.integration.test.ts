import { connect } from 'node:net';
import { readChangeFiles } from '../engine/change-files';
import { migrateUp } from '../engine/runner';
import { redisFormat } from '../targets/redis/format';
import { redisTarget } from '../targets/redis/store';
import { TemporaryFolder } from '../testing/change-folder';
import { startRedis } from '../testing/redis';
import { eventually, restartServer, type ScratchServer } from '../testing/servers';
import type { Tunnel } from './tunnel';

const NOTICED_WITHIN_MS = 10_000;
let server: ScratchServer;
const tunnels: Tunnel[] = [];

beforeAll(async () => {
  server = await startRedis();
}, 180_000);
afterAll(async () => {
  for (const tunnel of tunnels) await tunnel.close();
  await server?.stop();
}, 60_000);

/** A client that says something and listens; it never ends the connection by itself. */
function client(port: number, ...commands: string[]) {
  const state = { heard: '', closed: false };
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.on('data', (text) => (state.heard += text));
  socket.on('error', () => undefined);
  socket.on('end', () => (state.closed = true));
  socket.on('close', () => (state.closed = true));
  for (const command of commands) socket.write(`${command}\r\n`);
  return state;
}
const login = () => `AUTH admin ${server.password}`;
const forward = async (pod: string, port: number) => {
  const tunnel = await server.cluster.forward(server.namespace, pod, port);
  tunnels.push(tunnel);
  return tunnel.port;
};

test('what the server says last arrives before the connection ends', async () => {
  const leaving = client(server.port, login(), 'ECHO goodbye', 'QUIT');
  await eventually('the end', NOTICED_WITHIN_MS, async () => leaving.closed);
  expect(leaving.heard).toBe('+OK\r\n$7\r\ngoodbye\r\n+OK\r\n');
});

test('a server that is killed ends the connections to it, and the tunnel leads to the one that takes its place', async () => {
  const waiting = client(server.port, login(), 'BLPOP nothing 0');
  await eventually('the login', NOTICED_WITHIN_MS, async () => waiting.heard === '+OK\r\n');
  const restarted = restartServer(server);
  await eventually('the end', NOTICED_WITHIN_MS, async () => waiting.closed);
  await restarted;
  const next = client(server.port, login(), 'PING', 'QUIT');
  await eventually('an answer', NOTICED_WITHIN_MS, async () => next.heard === '+OK\r\n+PONG\r\n+OK\r\n');
}, 120_000);

test.each<[string, string, number]>([
  ['a port where nothing listens', 'redis', 6390],
  ['a pod that does not exist', 'nobody', 6379],
])('a connection to %s ends', async (_what, pod, port) => {
  const refused = client(await forward(pod, port), 'PING');
  await eventually('the end', NOTICED_WITHIN_MS, async () => refused.closed);
  expect(refused.heard).toBe('');
});

test('a run whose pod is deleted ends with an error instead of waiting for it', async () => {
  const { host, port, user, password } = server;
  const key = {
    ...{ pattern: 'task:{id}', type: 'string', class: 'cache', ttl: 60, owner: 'tasks', database: 0 },
    description: 'A task',
  };
  const operation = { operation: 'registerKeys', keys: [key] };
  const change = (up: object[]) =>
    JSON.stringify({
      description: 'A change',
      up,
      down: [{ operation: 'unregisterKeys', patterns: [key.pattern] }],
    });
  const folder = new TemporaryFolder({
    '000001-one.json': change([operation]),
    '000002-many.json': change(Array.from({ length: 3_000 }, () => operation)),
  });
  const changes = readChangeFiles(folder.path, redisFormat);
  folder.remove();
  const [target, watching] = await Promise.all(
    [1, 2].map(() => redisTarget({ host, port, user, password }, 'test')),
  );
  const ended = migrateUp({
    target: target!,
    folder: changes,
    folderName: 'folder',
    appliedBy: 'tester',
  }).then(
    ({ failed }) => failed?.error,
    (error: Error) => error,
  );
  let error: Error | undefined;
  void ended.then((found) => (error = found ?? new Error('it went on')));
  await eventually('the first change', 60_000, async () => (await watching!.applied()).length === 1);
  await server.cluster.delete('v1', 'Pod', server.namespace, server.name, { gracePeriodSeconds: 0 });
  await eventually('the end of the run', 20_000, async () => error !== undefined);
  expect(error!.message).not.toBe('it went on');
  await Promise.all([target!.close(), watching!.close()]);
}, 120_000);
