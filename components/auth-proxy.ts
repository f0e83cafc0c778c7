/** A proxy in the pod of a store that has no authentication and no TLS itself: the store listens on 127.0.0.1 only. */
import { createHash } from 'node:crypto';
import { containerSecurityContext } from './metadata';

/** What clients of one role may ask for. */
export interface ProxyRule {
  readonly roles: readonly string[];
  readonly methods: readonly string[];
  /** Regular expression for the whole path as sent, escapes included; slashes need no escape. */
  readonly path: string;
  /** Whether the expression covers the query string too; default false: any. */
  readonly wholeTarget?: boolean;
}

/** One port of the proxy. */
export interface ProxyListener {
  readonly port: number;
  /** Whatever no rule allows is refused with 403; every role may ask for `/health`. */
  readonly rules: readonly ProxyRule[];
}

/** Arguments of the proxy. */
export interface AuthProxyArgs {
  /** Name that clients see in a request for credentials. */
  readonly realm: string;
  /** `basic`: user and password. `bearer`: both in one token, see `bearerToken`; each port then takes the port 100 above it, too. */
  readonly scheme: 'basic' | 'bearer';
  /** Every role that has credentials. */
  readonly roles: readonly string[];
  readonly listeners: readonly ProxyListener[];
  /** Port that answers probes without credentials. */
  readonly healthPort: number;
  /** Port of the store on 127.0.0.1. */
  readonly upstreamPort: number;
  /** Path and query that the store answers with 200 when it is well, telling nothing else. */
  readonly healthPath: string;
  /** Secret of type kubernetes.io/tls with the certificate that all ports serve, TLS 1.2 or newer; absent: no TLS. */
  readonly tlsSecret?: string;
}

/** A user of the proxy: its role, or its role and the slot of its password, see `slotUser`. */
export interface ProxyLogin {
  readonly user: string;
  readonly password: string;
}

const CONFIGURATION = '/etc/auth-proxy/nginx.conf';
const CREDENTIALS = '/etc/auth-proxy-credentials';
const CERTIFICATE = '/etc/auth-proxy-tls';
/** Other than the store's, whose processes could otherwise read the key of the certificate. */
const UID = 101;
/** Keys of the Secret with the credentials. */
export const credentialsKeys = { users: 'users', checksum: 'checksum' } as const;
/** Path at the health port: checksum of the credentials that the proxy takes now. */
export const CREDENTIALS_PATH = '/credentials';
/** Larger than the largest change or RDF file. */
const MAX_BODY = '64m';

/**
 * Configuration of the proxy. It reads users at every request and the certificate at every handshake, so that new ones need
 * neither a restart nor a reload, which would cut idle connections.
 * @see https://nginx.org/en/docs/http/ngx_http_auth_basic_module.html
 * @see https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_certificate
 */
export function authProxyConfiguration(args: AuthProxyArgs): string {
  const maps = [...roleMaps(args.roles), ...args.listeners.map(ruleMap)];
  const servers = args.listeners.flatMap((listener) =>
    args.scheme === 'basic'
      ? [storeBlock(listener, args, listening(listener.port, args))]
      : [tokenBlock(listener, args), storeBlock(listener, args, `127.0.0.1:${userPort(listener)}`)],
  );
  const token = args.scheme === 'bearer' ? tokenMaps(args) : [];
  // At level error, nginx logs whole requests with their queries.
  return `worker_processes 1;
pid /tmp/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  log_format access escape=json ${ACCESS_FORMAT};
  access_log off;
  server_tokens off;
  client_max_body_size ${MAX_BODY};
  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Authorization "";
  proxy_read_timeout 300s;
  proxy_max_temp_file_size 0;
${[...tlsLines(args), ...token, ...maps, ...servers, healthBlock(args)].map(indented).join('\n')}
}
`;
}

const ACCESS_FORMAT =
  `'{"log":"access","time":"$time_iso8601","role":"$role","user":"$known_user",` +
  `"method":"$request_method","path":"$uri","status":$status,"bytes":$body_bytes_sent}'`;

function tlsLines({ tlsSecret }: AuthProxyArgs): string[] {
  if (tlsSecret === undefined) return [];
  return [
    // With a variable in their names, the files are read when they are needed.
    `map "" $tls_folder { default ${CERTIFICATE}; }`,
    'ssl_protocols TLSv1.2 TLSv1.3;',
    'ssl_certificate $tls_folder/tls.crt;',
    'ssl_certificate_key $tls_folder/tls.key;',
  ];
}

function listening(port: number, { tlsSecret }: AuthProxyArgs): string {
  return tlsSecret === undefined ? String(port) : `${port} ssl`;
}

/** The role that a user name claims; whether its password is right is found out after the rules. */
function roleMaps(roles: readonly string[]): string[] {
  return [
    `map $remote_user $role {\n  default "";\n  "~^(?<claimed>${roles.join('|')})(-b)?$" $claimed;\n}`,
    // What somebody else sends as a name may be a password.
    'map $role $known_user {\n  default $remote_user;\n  "" "";\n}',
  ];
}

/** Whether a request may pass, from its role, method, and path as sent. */
function ruleMap({ port, rules }: ProxyListener): string {
  const lines = rules.map(
    ({ roles, methods, path, wholeTarget }) =>
      `\n  "~^(${roles.join('|')}) (${methods.join('|')}) ${path}${wholeTarget ? '$' : '(\\?|$)'}" 1;`,
  );
  // Without a role the request goes on to the check of the password, which asks for one.
  const always = '\n  "~^ " 1;\n  "~^[a-z]+ GET /health$" 1;';
  return `map "$role $request_method $request_uri" $allowed_${port} {\n  default 0;${always}${lines.join('')}\n}`;
}

/** Users, rules, log, and the store behind them. */
function storeBlock({ port }: ProxyListener, args: AuthProxyArgs, listen: string): string {
  const upstream = `http://127.0.0.1:${args.upstreamPort}`;
  const refusal = `if ($allowed_${port} = 0) { return 403; }`;
  return `server {
  listen ${listen};
  access_log /dev/stdout access;
  auth_basic "${args.realm}";
  auth_basic_user_file ${CREDENTIALS}/${credentialsKeys.users};
  location / {
    ${refusal}
    proxy_pass ${upstream};
  }
  location = /health {
    ${refusal}
    proxy_pass ${upstream}${args.healthPath};
  }
}`;
}

/** A token is what follows "Basic" in the header of a user. */
function tokenMaps({ realm }: AuthProxyArgs): string[] {
  return [
    'map $http_authorization $user_of_token {\n  default "";\n  "~^Bearer (?<token>[A-Za-z0-9+/]+=*)$" "Basic $token";\n}',
    `map $upstream_http_www_authenticate $challenge {\n  default 'Bearer realm="${realm}"';\n  "" "";\n}`,
  ];
}

function tokenBlock(listener: ProxyListener, args: AuthProxyArgs): string {
  return `server {
  listen ${listening(listener.port, args)};
  location / {
    proxy_set_header Connection "";
    proxy_set_header Authorization $user_of_token;
    proxy_hide_header WWW-Authenticate;
    add_header WWW-Authenticate $challenge always;
    proxy_request_buffering off;
    proxy_pass http://127.0.0.1:${userPort(listener)};
  }
}`;
}

function userPort({ port }: ProxyListener): number {
  return port + 100;
}

function healthBlock(args: AuthProxyArgs): string {
  return `server {
  listen ${listening(args.healthPort, args)};
  location / { return 404; }
  location = /proxy { return 204; }
  location = ${CREDENTIALS_PATH} {
    default_type text/plain;
    alias ${CREDENTIALS}/${credentialsKeys.checksum};
  }
  location = /store {
    limit_except GET { deny all; }
    proxy_read_timeout 5s;
    proxy_pass http://127.0.0.1:${args.upstreamPort}${args.healthPath};
  }
}`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}

/**
 * The file of users; passwords are long random letters and digits, so that a plain hash is enough.
 * @throws Error for a password of other characters than letters, digits, "-" and "_", or of fewer than 16.
 */
export function authProxyUsers(logins: readonly ProxyLogin[]): string {
  return logins.map((login) => `${userLine(login)}\n`).join('');
}

function userLine({ user, password }: ProxyLogin): string {
  if (!/^[\w-]{16,}$/.test(password)) {
    throw new Error(`The password of "${user}" must be at least 16 letters, digits, "-" and "_".`);
  }
  return `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}`;
}

/** The token of a user of the scheme `bearer`. */
export function bearerToken({ user, password }: ProxyLogin): string {
  return Buffer.from(`${user}:${password}`).toString('base64');
}

/** Names of the objects that the proxy's files come from. */
export interface AuthProxyObjects {
  readonly configMap: string;
  readonly credentialsSecret: string;
}

/** The proxy as a part of a pod: its container and the pod's volumes for it. */
export function authProxyPodParts(
  args: AuthProxyArgs & { readonly image: string },
  objects: AuthProxyObjects,
) {
  const { tlsSecret } = args;
  return {
    container: {
      name: 'auth-proxy',
      image: args.image,
      imagePullPolicy: 'IfNotPresent',
      command: ['nginx', '-e', 'stderr', '-c', CONFIGURATION, '-g', 'daemon off;'],
      ports: args.listeners.map(({ port }) => ({ name: `http-${port}`, containerPort: port })),
      resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '64Mi' } },
      securityContext: { ...containerSecurityContext(), runAsUser: UID, runAsGroup: UID },
      // The pod is ready when the store answers through the proxy.
      readinessProbe: {
        httpGet: healthRequest(args, '/store'),
        periodSeconds: 5,
        timeoutSeconds: 5,
        failureThreshold: 3,
      },
      livenessProbe: {
        httpGet: healthRequest(args, '/proxy'),
        timeoutSeconds: 3,
        periodSeconds: 10,
        failureThreshold: 3,
      },
      volumeMounts: [
        { name: 'auth-proxy', mountPath: '/etc/auth-proxy', readOnly: true },
        { name: 'auth-proxy-credentials', mountPath: CREDENTIALS, readOnly: true },
        ...(tlsSecret ? [{ name: 'auth-proxy-tls', mountPath: CERTIFICATE, readOnly: true }] : []),
        { name: 'auth-proxy-tmp', mountPath: '/tmp' },
      ],
    },
    volumes: [
      { name: 'auth-proxy', configMap: { name: objects.configMap } },
      {
        name: 'auth-proxy-credentials',
        secret: { secretName: objects.credentialsSecret, defaultMode: 0o440 },
      },
      ...(tlsSecret
        ? [{ name: 'auth-proxy-tls', secret: { secretName: tlsSecret, defaultMode: 0o440 } }]
        : []),
      { name: 'auth-proxy-tmp', emptyDir: { sizeLimit: '256Mi' } },
    ],
  };
}

/** Probes of the store's container, which cannot be reached but through the proxy. */
export function probesThroughProxy(args: Pick<AuthProxyArgs, 'healthPort' | 'tlsSecret'>) {
  const probe = { httpGet: healthRequest(args, '/store'), timeoutSeconds: 5 };
  return {
    startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 150 },
    livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
  };
}

function healthRequest(
  { healthPort, tlsSecret }: Pick<AuthProxyArgs, 'healthPort' | 'tlsSecret'>,
  path: string,
) {
  return { path, port: healthPort, ...(tlsSecret ? { scheme: 'HTTPS' } : {}) };
}
