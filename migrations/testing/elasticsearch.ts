import { Client } from '@elastic/elasticsearch';
import { images } from '../../components/versions';
import { type ScratchServer, type ServerRecipe, startServer } from './servers';

const USER = 'administrator';
/** 32 bytes: only the test's own password is hashed with it. */
const SALT = '5a'.repeat(32);

/**
 * Starts an empty Elasticsearch node with security, and a superuser.
 * @param options.namespace See {@link startServer}.
 * @param options.certificate PEM of what it serves HTTPS with; default none: HTTP.
 */
export function startElasticsearch({
  namespace,
  certificate,
}: {
  readonly namespace?: string;
  readonly certificate?: { readonly 'tls.crt': string; readonly 'tls.key': string };
} = {}): Promise<ScratchServer> {
  const settings = {
    'discovery.type': 'single-node',
    'node.store.allow_mmap': false,
    // How full this machine's disk is.
    'cluster.routing.allocation.disk.threshold_enabled': false,
    'path.data': '/data/elasticsearch',
    'path.logs': '/data/logs',
    'http.host': '0.0.0.0',
    'xpack.security.enabled': true,
    'xpack.security.autoconfiguration.enabled': false,
    ...(certificate
      ? {
          'xpack.security.http.ssl.enabled': true,
          'xpack.security.http.ssl.certificate': 'tls.crt',
          'xpack.security.http.ssl.key': 'tls.key',
        }
      : {}),
  };
  const options = Object.entries(settings).map(([name, value]) => `-E${name}=${String(value)}`);
  const recipe: ServerRecipe = {
    name: 'elasticsearch',
    env: certificate ? { TLS_CERTIFICATE: certificate['tls.crt'], TLS_KEY: certificate['tls.key'] } : {},
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
      // Only files below the configuration can be read.
      'printf %s "$TLS_CERTIFICATE" > /data/config/tls.crt && printf %s "$TLS_KEY" > /data/config/tls.key',
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
          `curl -skf -u "${USER}:$PASSWORD" "${certificate ? 'https' : 'http'}://127.0.0.1:9200/_cluster/health/.security-7?wait_for_status=green&timeout=2s"`,
        ],
      },
      periodSeconds: 2,
      timeoutSeconds: 5,
    },
    readyWithinMs: 300_000,
    memory: '1Gi',
    secret: (username, password) => ({ username, password }),
  };
  return startServer(recipe, namespace);
}

/**
 * A client as the given user, default the superuser.
 * @param tls Authority and name of the server's certificate; default none: HTTP.
 */
export function elasticsearchClient(
  { host, port, user, password }: Pick<ScratchServer, 'host' | 'port' | 'user' | 'password'>,
  tls?: { readonly ca: string; readonly servername: string },
): Client {
  return new Client({
    node: `${tls ? 'https' : 'http'}://${host}:${port}`,
    ...(tls ? { tls } : {}),
    auth: { username: user, password },
    requestTimeout: 15_000,
    maxRetries: 0,
  });
}
