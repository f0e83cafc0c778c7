import { Redis } from 'ioredis';
import { databases } from '../targets/redis/definitions';
import { registryKeys } from '../targets/redis/operations';
import { jsonChange } from '../testing/change-folder';
import { HeldConnection } from '../testing/held-connection';
import { startRedis } from '../testing/redis';
import { restartServer } from '../testing/servers';
import { jsonFiles, objectNumbers } from './json-files';
import type { CorrectnessServer, FreshPlace } from './store-adapter';
import { correctnessSuite } from './suite';

correctnessSuite({
  store: 'redis',
  async start(): Promise<CorrectnessServer> {
    const server = await startRedis();
    const { host, port, user, password } = server;
    const connection = await HeldConnection.open(server);
    const admin = new Redis({ host, port, username: 'admin', password });
    let places = 0;
    return {
      async fresh() {
        await admin.acl('SETUSER', 'reader', 'on', `>${password}`, '~*', '+@read', '+@connection', '+info');
        const credentials = { username: user, password };
        return freshPlace(connection, admin, credentials, `place${++places}`);
      },
      restart: () => restartServer(server),
      async stop() {
        admin.disconnect();
        await connection.close();
        await server.stop();
      },
    };
  },
});

function freshPlace(
  connection: HeldConnection,
  admin: Redis,
  credentials: { username: string; password: string },
  database: string,
): FreshPlace {
  const pattern = (n: number) => `${database}-object-${n}:{id}`;
  const key = (n: number) => ({
    pattern: pattern(n),
    type: 'string',
    class: 'cache',
    ttl: 60,
    owner: 'notes',
    database: 0,
    description: 'A note',
  });
  const create = (n: number) => ({ operation: 'registerKeys', keys: [key(n)] });
  const remove = (n: number) => ({ operation: 'unregisterKeys', patterns: [pattern(n)] });
  const refused = { operation: 'createConsumerGroup', stream: `${database}-object-98`, group: 'workers' };
  return {
    host: connection.host,
    port: connection.port,
    database,
    credentials,
    readOnly: { ...credentials, username: 'reader' },
    ...jsonFiles({ create, remove, request: (n) => `${pattern(n)}\r\n` }, connection),
    // Without transactions the operation before the refused one stays, so it repeats what is there.
    failing: () => jsonChange([create(2), refused], [remove(2)]),
    objects: async () => {
      const patterns = await admin.hkeys(registryKeys.keys);
      return objectNumbers(
        patterns.map((name) => name.split(':')[0]!),
        database,
      );
    },
    dump: () => dump(admin),
  };
}

/** Every key of every logical database, as Redis serialises it. */
async function dump(admin: Redis): Promise<string> {
  const found: [number, string, string][] = [];
  for (const index of Object.keys(databases).map(Number)) {
    await admin.select(index);
    for (const key of (await admin.keys('*')).sort()) {
      found.push([index, key, (await admin.dumpBuffer(key))!.toString('base64')]);
    }
  }
  await admin.select(0);
  return JSON.stringify(found, null, 1);
}
