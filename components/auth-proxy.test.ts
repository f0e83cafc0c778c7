import { authProxyConfiguration, authProxyCredentials, type AuthProxyArgs } from './auth-proxy';

const args: AuthProxyArgs = {
  realm: 'Store',
  scheme: 'basic',
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

test('users with passwords: what no rule allows is refused, and who is nobody is asked for a password', () => {
  const configuration = authProxyConfiguration(args);
  expect(configuration).toContain(`  map "$remote_user $request_method $request_uri" $allowed_80 {
    default 0;
    "~^ " 1;
    "~^(owner|app) (GET|POST) /query(\\?|$)" 1;
    "~^(app) (PUT) /store\\?graph=urn:x$" 1;
  }
`);
  expect(configuration).toContain(`  server {
    listen 80;
    auth_basic "Store";
    auth_basic_user_file /etc/auth-proxy-credentials/credentials;
    location / {
      if ($allowed_80 = 0) { return 403; }
      proxy_pass http://127.0.0.1:90;
    }
  }
`);
  expect(configuration).toContain(`  server {
    listen 82;
    location = /proxy { return 204; }
    location = /store {
      limit_except GET { deny all; }
      proxy_read_timeout 5s;
      proxy_pass http://127.0.0.1:90/health;
    }
  }
`);
  expect(configuration.match(/listen \d+/g)).toEqual(['listen 80', 'listen 81', 'listen 82']);
});

test('tokens: without a known one there is no role, and nothing is allowed', () => {
  const configuration = authProxyConfiguration({ ...args, scheme: 'bearer' });
  expect(configuration).not.toContain('auth_basic');
  expect(configuration).not.toContain('"~^ " 1;');
  expect(configuration).toContain(`  map $http_authorization $token_role {
    default "";
    include /etc/auth-proxy-credentials/credentials;
  }
  map "$token_role $request_method $request_uri" $allowed_80 {
    default 0;
    "~^(owner|app) (GET|POST) /query(\\?|$)" 1;
`);
  expect(configuration).toContain(
    `if ($token_role = "") { add_header WWW-Authenticate 'Bearer realm="Store"' always; return 401; }`,
  );
});

test('the file of credentials holds hashes of passwords, and tokens as exact expressions', () => {
  const secret = 'abcdefghijklmnop';
  expect(authProxyCredentials('basic', [{ role: 'app', secret }])).toBe(
    'app:{SHA}FPOZUois0Ynm5Qp69H7nCZqmgrk=\n',
  );
  expect(authProxyCredentials('bearer', [{ role: 'app', secret }])).toBe(
    '"~^Bearer abcdefghijklmnop$" app;\n',
  );
});

test.each(['short', 'abcdefghijklmnop"; x', 'abcdefghijklmnop.*'])(
  'the credential %j is refused without being shown',
  (secret) => {
    const write = () => authProxyCredentials('bearer', [{ role: 'app', secret }]);
    expect(write).toThrow('The credential of "app" must be at least 16 letters, digits, "-" and "_".');
  },
);
