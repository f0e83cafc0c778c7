import { S3Client } from '@aws-sdk/client-s3';
import Redis from 'ioredis';
import { Client, Pool } from 'pg';
import type { RotatingRole } from '../components/postgres-roles';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { Endpoint, SecretReference } from '../stacks/outputs';

/** The stack outputs as an application reads them: `pulumi stack output --json`. */
export interface ContractOutputs {
  contract: number;
  namespace: string;
  postgres: {
    database: string;
    primary: Endpoint;
    replicas: Endpoint;
    pooler: Endpoint | null;
    tls: { mode: string; ca: string; caSecret: SecretReference };
    credentials: Record<RotatingRole, SecretReference>;
    schemaVersion: string;
  };
  redis: {
    sentinels: Endpoint[];
    masterName: string;
    tls: { ca: string };
    credentials: { app: SecretReference; monitor: SecretReference };
  };
  minio: {
    endpoint: string;
    region: string;
    buckets: string[];
    tls: { mode: string; ca: string; caSecret: SecretReference };
    credentials: SecretReference;
  };
}

/** Clients as an application makes them: from the contract and the Secrets it names, nothing else. */
export class Clients {
  constructor(
    private readonly cluster: KubernetesCluster,
    private readonly outputs: ContractOutputs,
  ) {}

  /** The values of a referenced Secret by purpose, such as `username` and `password`. */
  async credentials(reference: SecretReference): Promise<Record<string, string>> {
    const data = await this.cluster.secret(this.outputs.namespace, reference.name);
    if (!data) throw new Error(`Secret ${reference.name} does not exist`);
    return Object.fromEntries(
      Object.entries(reference.keys).map(([purpose, key]) => {
        const value = data[key];
        if (!value) throw new Error(`Secret ${reference.name} has no key ${key}`);
        return [purpose, value];
      }),
    );
  }

  private async postgresSettings(role: RotatingRole, endpoint: Endpoint) {
    const { username, password } = await this.credentials(this.outputs.postgres.credentials[role]);
    return {
      host: endpoint.host,
      port: endpoint.port,
      database: this.outputs.postgres.database,
      user: username,
      password,
      ssl: { ca: this.outputs.postgres.tls.ca, rejectUnauthorized: true },
      connectionTimeoutMillis: 2000,
      query_timeout: 3000,
    };
  }

  async postgresPool(role: RotatingRole, endpoint: Endpoint): Promise<Pool> {
    const pool = new Pool({ ...(await this.postgresSettings(role, endpoint)), max: 2 });
    pool.on('error', () => undefined); // a killed server ends idle connections; the next query opens a new one
    return pool;
  }

  async postgresClient(role: RotatingRole, endpoint: Endpoint): Promise<Client> {
    const client = new Client(await this.postgresSettings(role, endpoint));
    await client.connect();
    return client;
  }

  async redis(options: { role?: 'master' | 'slave' } = {}): Promise<Redis> {
    const app = await this.credentials(this.outputs.redis.credentials.app);
    const client = new Redis({
      sentinels: this.outputs.redis.sentinels.map(({ host, port }) => ({ host, port })),
      name: this.outputs.redis.masterName,
      role: options.role ?? 'master',
      username: app.username,
      password: app.password,
      sentinelUsername: app.username,
      sentinelPassword: app.password,
      tls: { ca: this.outputs.redis.tls.ca },
      sentinelTLS: { ca: this.outputs.redis.tls.ca },
      enableTLSForSentinelMode: true,
      connectTimeout: 2000,
      commandTimeout: 3000,
      maxRetriesPerRequest: 0,
      sentinelRetryStrategy: () => 100,
      retryStrategy: () => 100,
    });
    client.on('error', () => undefined); // the loop that uses it counts failed commands
    return client;
  }

  /** Name of the pod that the sentinels call the master: the first label of the host name they announce. */
  async redisMasterPod(): Promise<string> {
    const { username, password } = await this.credentials(this.outputs.redis.credentials.app);
    const [endpoint] = this.outputs.redis.sentinels;
    const { ca } = this.outputs.redis.tls;
    const sentinel = new Redis({ ...endpoint, username, password, tls: { ca } });
    const [host] = (await sentinel.call(
      'SENTINEL',
      'GET-MASTER-ADDR-BY-NAME',
      this.outputs.redis.masterName,
    )) as [string];
    sentinel.disconnect();
    return host.split('.')[0] ?? host;
  }

  async s3(): Promise<S3Client> {
    const { accessKey, secretKey } = await this.credentials(this.outputs.minio.credentials);
    return new S3Client({
      endpoint: this.outputs.minio.endpoint,
      region: this.outputs.minio.region,
      forcePathStyle: true,
      credentials: { accessKeyId: accessKey ?? '', secretAccessKey: secretKey ?? '' },
      requestHandler: { httpsAgent: { ca: this.outputs.minio.tls.ca } },
    });
  }
}
