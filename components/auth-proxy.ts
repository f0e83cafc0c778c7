/** A proxy in the pod of a store that has no authentication itself: the store listens on 127.0.0.1 only. */
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
  /** Whatever no rule allows is refused with 403. */
  readonly rules: readonly ProxyRule[];
}

/** Arguments of the proxy. */
export interface AuthProxyArgs {
  /** Name that clients see in a request for credentials. */
  readonly realm: string;
  /** `basic`: user and password. `bearer`: a token per role. */
  readonly scheme: 'basic' | 'bearer';
  readonly listeners: readonly ProxyListener[];
  /** Port that answers probes without credentials. */
  readonly healthPort: number;
  /** Port of the store on 127.0.0.1. */
  readonly upstreamPort: number;
  /** Path and query that the store answers with 200 when it is well. */
  readonly healthPath: string;
}

/** Credentials of one role. */
export interface ProxyCredential {
  readonly role: string;
  readonly secret: string;
}

const CONFIGURATION = '/etc/auth-proxy/nginx.conf';
const CREDENTIALS = '/etc/auth-proxy-credentials';
/** Key of the Secret with the credentials. */
export const credentialsKey = 'credentials';
/** Larger than the largest change or RDF file. */
const MAX_BODY = '64m';

/**
 * Configuration of the proxy.
 * @see https://nginx.org/en/docs/http/ngx_http_auth_basic_module.html
 */
export function authProxyConfiguration(args: AuthProxyArgs): string {
  const maps = args.listeners.map((listener) => ruleMap(listener, args.scheme));
  const token = args.scheme === 'bearer' ? [tokenMap()] : [];
  return `worker_processes 1;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
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
${[...token, ...maps].map(indented).join('\n')}
${[...args.listeners.map((listener) => serverBlock(listener, args)), healthBlock(args)].map(indented).join('\n')}
}
`;
}

/** The role of the token in a request, empty for any other. */
function tokenMap(): string {
  return `map $http_authorization $token_role {\n  default "";\n  include ${CREDENTIALS}/${credentialsKey};\n}`;
}

/** Whether a request may pass, from its role, method, and path as sent. */
function ruleMap({ port, rules }: ProxyListener, scheme: AuthProxyArgs['scheme']): string {
  // Without a user the request goes on to the check of the password, which asks for one.
  const anonymous = scheme === 'basic' ? '\n  "~^ " 1;' : '';
  const lines = rules.map(
    ({ roles, methods, path, wholeTarget }) =>
      `\n  "~^(${roles.join('|')}) (${methods.join('|')}) ${path}${wholeTarget ? '$' : '(\\?|$)'}" 1;`,
  );
  return `map "$${roleVariable(scheme)} $request_method $request_uri" $allowed_${port} {\n  default 0;${anonymous}${lines.join('')}\n}`;
}

function roleVariable(scheme: AuthProxyArgs['scheme']): string {
  return scheme === 'basic' ? 'remote_user' : 'token_role';
}

function serverBlock({ port }: ProxyListener, { scheme, realm, upstreamPort }: AuthProxyArgs): string {
  const authentication =
    scheme === 'basic'
      ? `  auth_basic "${realm}";\n  auth_basic_user_file ${CREDENTIALS}/${credentialsKey};\n`
      : '';
  const unknown =
    scheme === 'bearer'
      ? `    if ($token_role = "") { add_header WWW-Authenticate 'Bearer realm="${realm}"' always; return 401; }\n`
      : '';
  return `server {
  listen ${port};
${authentication}  location / {
${unknown}    if ($allowed_${port} = 0) { return 403; }
    proxy_pass http://127.0.0.1:${upstreamPort};
  }
}`;
}

function healthBlock({ healthPort, upstreamPort, healthPath }: AuthProxyArgs): string {
  return `server {
  listen ${healthPort};
  location = /proxy { return 204; }
  location = /store {
    limit_except GET { deny all; }
    proxy_read_timeout 5s;
    proxy_pass http://127.0.0.1:${upstreamPort}${healthPath};
  }
}`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}

/**
 * The file of credentials; passwords and tokens are long random letters and digits, so that a plain hash is enough.
 * @throws Error for a credential of other characters than letters, digits, "-" and "_", which would need escaping.
 */
export function authProxyCredentials(
  scheme: AuthProxyArgs['scheme'],
  credentials: readonly ProxyCredential[],
): string {
  return credentials.map((credential) => `${credentialLine(scheme, credential)}\n`).join('');
}

function credentialLine(scheme: AuthProxyArgs['scheme'], { role, secret }: ProxyCredential): string {
  if (!/^[\w-]{16,}$/.test(secret)) {
    throw new Error(`The credential of "${role}" must be at least 16 letters, digits, "-" and "_".`);
  }
  if (scheme === 'bearer') return `"~^Bearer ${secret}$" ${role};`;
  return `${role}:{SHA}${createHash('sha1').update(secret).digest('base64')}`;
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
  const probe = { httpGet: { path: '/proxy', port: args.healthPort }, timeoutSeconds: 3 };
  return {
    container: {
      name: 'auth-proxy',
      image: args.image,
      imagePullPolicy: 'IfNotPresent',
      command: ['nginx', '-e', 'stderr', '-c', CONFIGURATION, '-g', 'daemon off;'],
      ports: args.listeners.map(({ port }) => ({ name: `http-${port}`, containerPort: port })),
      resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '64Mi' } },
      securityContext: containerSecurityContext(),
      // The pod is ready when the store answers through the proxy.
      readinessProbe: {
        httpGet: { path: '/store', port: args.healthPort },
        periodSeconds: 5,
        timeoutSeconds: 5,
        failureThreshold: 3,
      },
      livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 3 },
      volumeMounts: [
        { name: 'auth-proxy', mountPath: '/etc/auth-proxy', readOnly: true },
        { name: 'auth-proxy-credentials', mountPath: CREDENTIALS, readOnly: true },
        { name: 'auth-proxy-tmp', mountPath: '/tmp' },
      ],
    },
    volumes: [
      { name: 'auth-proxy', configMap: { name: objects.configMap } },
      { name: 'auth-proxy-credentials', secret: { secretName: objects.credentialsSecret } },
      { name: 'auth-proxy-tmp', emptyDir: { sizeLimit: '256Mi' } },
    ],
  };
}

/** Probes of the store's container, which cannot be reached but through the proxy. */
export function probesThroughProxy(healthPort: number) {
  const probe = { httpGet: { path: '/store', port: healthPort }, timeoutSeconds: 5 };
  return {
    startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 150 },
    livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
  };
}
