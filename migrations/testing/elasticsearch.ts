import { Client } from '@elastic/elasticsearch';
import { images } from '../../components/versions';
import { type ScratchServer, startServer } from './servers';

const USER = 'administrator';
/** 32 bytes: only the test's own password is hashed with it. */
const SALT = '5a'.repeat(32);

/** Starts an empty Elasticsearch node with security, and a superuser. */
export function startElasticsearch(): Promise<ScratchServer> {
  const settings = {
    'discovery.type': 'single-node',
    'node.store.allow_mmap': false,
    'path.data': '/data/elasticsearch',
    'path.logs': '/data/logs',
    'http.host': '0.0.0.0',
    'xpack.security.enabled': true,
    'xpack.security.autoconfiguration.enabled': false,
  };
  const options = Object.entries(settings).map(([name, value]) => `-E${name}=${String(value)}`);
  return startServer({
    name: 'elasticsearch',
    image: images.elasticsearch,
    uid: 1000,
    port: 9200,
    user: USER,
    // The root file system is read-only: everything that the server writes goes below /data.
    script: [
      'export ES_PATH_CONF=/data/config CLI_JAVA_OPTS="-XX:TieredStopAtLevel=1"',
      // The first compiler alone starts the server with half of the processor time.
      'export ES_JAVA_OPTS="-Xms384m -Xmx384m -XX:TieredStopAtLevel=1"',
      'mkdir -p /data/logs /data/config && cp -R /usr/share/elasticsearch/config/. /data/config && cd /data',
      // A file realm instead of the keystore, whose tool takes as long to start as the server.
      `salt=${SALT}`,
      'hash=$(openssl kdf -binary -keylen 32 -kdfopt digest:SHA512 -kdfopt iter:1000 -kdfopt "pass:$PASSWORD" -kdfopt "hexsalt:$salt" PBKDF2 | base64 -w0)',
      // Kubernetes would make one of two dollar signs in a row.
      `printf '%s:{PBKDF2}1000$%s$%s\\n' ${USER} ${Buffer.from(SALT, 'hex').toString('base64')} "$hash" > /data/config/users`,
      `echo "superuser:${USER}" > /data/config/users_roles`,
      `exec /usr/share/elasticsearch/bin/elasticsearch ${options.join(' ')}`,
    ].join(' && '),
    readinessProbe: {
      exec: {
        // The server makes the index of the roles a moment after it answers.
        command: [
          'sh',
          '-c',
          `curl -sf -u "${USER}:$PASSWORD" "http://127.0.0.1:9200/_cluster/health/.security-7?wait_for_status=green&timeout=2s"`,
        ],
      },
      periodSeconds: 2,
      timeoutSeconds: 5,
    },
    readyWithinMs: 300_000,
    memory: '1Gi',
    secret: (username, password) => ({ username, password }),
  });
}

/** A client as the given user, default the superuser. */
export function elasticsearchClient({
  host,
  port,
  user,
  password,
}: Pick<ScratchServer, 'host' | 'port' | 'user' | 'password'>): Client {
  return new Client({
    node: `http://${host}:${port}`,
    auth: { username: user, password },
    requestTimeout: 15_000,
    maxRetries: 0,
  });
}
