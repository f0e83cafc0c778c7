import {
  type AuthProxyArgs,
  authProxyConfiguration,
  authProxyPodParts,
  authProxyUsers,
  bearerToken,
  probesThroughProxy,
} from './auth-proxy';

const args: AuthProxyArgs = {
  realm: 'Store',
  scheme: 'basic',
  roles: ['owner', 'app', 'readonly'],
  listeners: [
    {
      port: 80,
      rules: [
        { roles: ['owner', 'app'], methods: ['GET', 'POST'], path: '/query' },
        { roles: ['app'], methods: ['PUT'], path: '/store\\?graph=urn:x', wholeTarget: true },
      ],
    },
    { port: 81, rules: [{ roles: ['readonly'], methods: ['GET'], path: '/query' }] },
  ],
  healthPort: 82,
  upstreamPort: 90,
  healthPath: '/health',
};

const roles = `  map $remote_user $role {
    default "";
    "~^(?<claimed>owner|app|readonly)(-b)?$" $claimed;
  }
  map $role $known_user {
    default $remote_user;
    "" "";
  }
`;
const rules = `  map "$role $request_method $request_uri" $allowed_80 {
    default 0;
    "~^ " 1;
    "~^[a-z]+ GET /health$" 1;
    "~^(owner|app) (GET|POST) /query(\\?|$)" 1;
    "~^(app) (PUT) /store\\?graph=urn:x$" 1;
  }
`;
const store = (listen: string) => `  server {
    listen ${listen};
    access_log /dev/stdout access;
    auth_basic "Store";
    auth_basic_user_file /etc/auth-proxy-credentials/users;
    location / {
      if ($allowed_80 = 0) { return 403; }
      proxy_pass http://127.0.0.1:90;
    }
    location = /health {
      if ($allowed_80 = 0) { return 403; }
      proxy_pass http://127.0.0.1:90/health;
    }
  }
`;
const listens = (configuration: string) => configuration.match(/listen [^;]+/g);

test('users with passwords: what no rule allows is refused, and who is nobody is asked for a password', () => {
  const configuration = authProxyConfiguration(args);
  expect(configuration).toContain(roles);
  expect(configuration).toContain(rules);
  expect(configuration).toContain(store('80'));
  expect(configuration).toContain(`  server {
    listen 82;
    location / { return 404; }
    location = /proxy { return 204; }
    location = /credentials {
      default_type text/plain;
      alias /etc/auth-proxy-credentials/checksum;
    }
    location = /store {
      limit_except GET { deny all; }
      proxy_read_timeout 5s;
      proxy_pass http://127.0.0.1:90/health;
    }
  }
`);
  expect(listens(configuration)).toEqual(['listen 80', 'listen 81', 'listen 82']);
  expect(configuration).not.toContain('ssl');
});

test('tokens: each is the header of a user, who is checked as with passwords', () => {
  const configuration = authProxyConfiguration({ ...args, scheme: 'bearer' });
  expect(configuration).toContain(`  map $http_authorization $user_of_token {
    default "";
    "~^Bearer (?<token>[A-Za-z0-9+/]+=*)$" "Basic $token";
  }
  map $upstream_http_www_authenticate $challenge {
    default 'Bearer realm="Store"';
    "" "";
  }
${roles}${rules}`);
  expect(configuration).toContain(`  server {
    listen 80;
    location / {
      proxy_set_header Connection "";
      proxy_set_header Authorization $user_of_token;
      proxy_hide_header WWW-Authenticate;
      add_header WWW-Authenticate $challenge always;
      proxy_request_buffering off;
      proxy_pass http://127.0.0.1:180;
    }
  }
${store('127.0.0.1:180')}`);
  expect(listens(configuration)).toEqual([
    'listen 80',
    'listen 127.0.0.1:180',
    'listen 81',
    'listen 127.0.0.1:181',
    'listen 82',
  ]);
});

test.each(['basic', 'bearer'] as const)(
  'with a certificate, no port of scheme %s that others reach is plain, and a new one needs no restart',
  (scheme) => {
    const configuration = authProxyConfiguration({ ...args, scheme, tlsSecret: 'store-tls' });
    expect(configuration).toContain(`  map "" $tls_folder { default /etc/auth-proxy-tls; }
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate $tls_folder/tls.crt;
  ssl_certificate_key $tls_folder/tls.key;
`);
    const reachable = listens(configuration)!.filter((line) => !line.includes('127.0.0.1'));
    expect(reachable).toEqual(['listen 80 ssl', 'listen 81 ssl', 'listen 82 ssl']);
  },
);

test('with a certificate, the pod mounts it for the proxy alone, and probes speak TLS', () => {
  const objects = { configMap: 'store', credentialsSecret: 'store-proxy' };
  const { container, volumes } = authProxyPodParts(
    { ...args, image: 'nginx:1', tlsSecret: 'store-tls' },
    objects,
  );
  expect(volumes).toContainEqual({
    name: 'auth-proxy-tls',
    secret: { secretName: 'store-tls', defaultMode: 0o440 },
  });
  expect(container.volumeMounts).toContainEqual({
    name: 'auth-proxy-tls',
    mountPath: '/etc/auth-proxy-tls',
    readOnly: true,
  });
  const get = (path: string) => ({ path, port: 82, scheme: 'HTTPS' });
  const server = probesThroughProxy({ healthPort: 82, tlsSecret: 'store-tls' });
  expect(container.readinessProbe.httpGet).toEqual(get('/store'));
  expect(container.livenessProbe.httpGet).toEqual(get('/proxy'));
  expect([server.startupProbe.httpGet, server.livenessProbe.httpGet]).toEqual([get('/store'), get('/store')]);
});

test('a download of everything is passed on without a copy on the disk', () => {
  expect(authProxyConfiguration(args)).toContain('\n  proxy_max_temp_file_size 0;\n');
});

test('the log of requests is JSON without queries, and there is no other that could hold them', () => {
  const configuration = authProxyConfiguration(args);
  expect(configuration).toContain(
    `  log_format access escape=json '{"log":"access","time":"$time_iso8601","role":"$role","user":"$known_user",` +
      `"method":"$request_method","path":"$uri","status":$status,"bytes":$body_bytes_sent}';\n  access_log off;\n`,
  );
  expect(configuration).toContain('\nerror_log stderr crit;\n');
});

test('the file of users holds hashes of passwords, and a token is a user with its password', () => {
  const login = { user: 'app-b', password: 'abcdefghijklmnop' };
  expect(authProxyUsers([login, { ...login, user: 'owner' }])).toBe(
    'app-b:{SHA}FPOZUois0Ynm5Qp69H7nCZqmgrk=\nowner:{SHA}FPOZUois0Ynm5Qp69H7nCZqmgrk=\n',
  );
  expect(bearerToken(login)).toBe('YXBwLWI6YWJjZGVmZ2hpamtsbW5vcA==');
});

test.each(['short', 'abcdefghijklmnop"; x', 'abcdefghijklmnop.*', 'abcdefghijklmnop\nowner:x'])(
  'the password %j is refused without being shown',
  (password) => {
    const write = () => authProxyUsers([{ user: 'app', password }]);
    expect(write).toThrow('The password of "app" must be at least 16 letters, digits, "-" and "_".');
  },
);
