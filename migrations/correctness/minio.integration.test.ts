import {
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { MinioAdmin } from '../../components/minio-admin';
import { bucketDefinitions } from '../targets/minio/definitions';
import { jsonChange } from '../testing/change-folder';
import { HeldConnection } from '../testing/held-connection';
import { restartServer, type ScratchServer, startMinio } from '../testing/servers';
import { jsonFiles, objectNumbers } from './json-files';
import type { CorrectnessServer, FreshPlace } from './store-adapter';
import { correctnessSuite } from './suite';

const READER = { accessKey: 'reader', secretKey: 'reader-secret' };

correctnessSuite({
  store: 'minio',
  async start(): Promise<CorrectnessServer> {
    const server = await startMinio();
    const connection = await HeldConnection.open(server);
    const { host, port, user, password } = server;
    const admin = new MinioAdmin({ host, port }, { accessKey: user, secretKey: password });
    await admin.putUser(READER);
    // A policy that MinIO brings along.
    await admin.setPolicy(READER.accessKey, 'readonly');
    const client = new S3Client({
      endpoint: `http://${host}:${port}`,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: user, secretAccessKey: password },
    });
    let places = 0;
    return {
      fresh: async () => freshPlace(connection, server, client, `place${++places}`),
      restart: () => restartServer(server),
      async stop() {
        client.destroy();
        await connection.close();
        await server.stop();
      },
    };
  },
});

function freshPlace(
  connection: HeldConnection,
  server: ScratchServer,
  client: S3Client,
  database: string,
): FreshPlace {
  const bucket = (n: number) => `${database}-object-${n}`;
  const create = (n: number) => ({ operation: 'createBucket', bucket: bucket(n) });
  const remove = (n: number) => ({ operation: 'deleteBucket', bucket: bucket(n) });
  const refused = { operation: 'putVersioning', bucket: bucket(98), status: 'Enabled' };
  const buckets = async () =>
    (await client.send(new ListBucketsCommand())).Buckets!.map((entry) => entry.Name!).sort();
  return {
    host: connection.host,
    port: connection.port,
    database,
    credentials: { accessKey: server.user, secretKey: server.password },
    readOnly: READER,
    ...jsonFiles({ create, remove, request: (n) => `PUT /${bucket(n)}` }, connection),
    // Without transactions the operation before the refused one stays, so it repeats what is there.
    failing: () => jsonChange([create(2), refused], [remove(2)]),
    objects: async () => objectNumbers(await buckets(), database),
    dump: () => dump(client, database, buckets),
  };
}

/** Every bucket, its settings, and the history's objects of one place; the lock is rewritten by each run. */
async function dump(client: S3Client, database: string, buckets: () => Promise<string[]>): Promise<string> {
  const names = await buckets();
  const history: (string | undefined)[] = [];
  if (names.includes('schema-migrations')) {
    const listed = await client.send(
      new ListObjectVersionsCommand({ Bucket: 'schema-migrations', Prefix: `${database}/` }),
    );
    for (const { Key, VersionId } of listed.Versions ?? []) {
      if (Key === `${database}/lock`) continue;
      const object = await client.send(
        new GetObjectCommand({ Bucket: 'schema-migrations', Key: Key!, VersionId }),
      );
      history.push(Key, VersionId, await object.Body!.transformToString());
    }
  }
  const settings = await bucketDefinitions(client, (name) => name.startsWith(`${database}-`));
  return JSON.stringify({ names, settings: settings.toSorted(), history }, null, 1);
}
