import { resource } from './fixtures';
import { postgresAudit, postgresHighlyAvailable, postgresTls } from './postgres';

const cluster = (spec: object | undefined) => resource('postgresql.cnpg.io/v1:Cluster', 'postgres', { spec });
const synchronous = { method: 'any', number: 1 };

test.each([
  [{ instances: 3, postgresql: { synchronous: { ...synchronous, dataDurability: 'required' } } }],
  [{ instances: 5, postgresql: { synchronous } }],
])('%j keeps every acknowledged commit', (spec) => {
  expect(postgresHighlyAvailable.check(cluster(spec))).toEqual([]);
});

test.each([
  [
    { instances: 2, postgresql: { synchronous } },
    ['Cluster/data/postgres has 2 instances; it needs at least 3.'],
  ],
  [
    { instances: 3 },
    [
      'Cluster/data/postgres replicates asynchronously; set spec.postgresql.synchronous with number 1 or more.',
    ],
  ],
  [
    { instances: 3, postgresql: { synchronous: { ...synchronous, dataDurability: 'preferred' } } },
    [
      'Cluster/data/postgres has dataDurability "preferred"; only "required" keeps every acknowledged commit.',
    ],
  ],
])('%j does not', (spec, problems) => {
  expect(postgresHighlyAvailable.check(cluster(spec))).toEqual(problems);
});

test('a Cluster of another operator is none of its business', () => {
  for (const rule of [postgresHighlyAvailable, postgresAudit, postgresTls])
    expect(rule.check(resource('example.com/v1:Cluster', 'c', {}))).toEqual([]);
});

describe('postgres-audit', () => {
  const audited = (parameters: object) => postgresAudit.check(cluster({ postgresql: { parameters } }));

  test.each([['ddl, write, role'], ['ROLE,DDL,WRITE,misc'], ['all, -read']])('%s is enough', (log) => {
    expect(audited({ 'pgaudit.log': log, 'pgaudit.log_parameter': 'off' })).toEqual([]);
  });

  test('each class that is not logged is a violation', () => {
    expect(audited({ 'pgaudit.log': 'write, read' })).toEqual([
      'Cluster/data/postgres does not audit ddl; add it to pgaudit.log.',
      'Cluster/data/postgres does not audit role; add it to pgaudit.log.',
    ]);
    expect(audited({ 'pgaudit.log': 'all, -role' })).toEqual([
      'Cluster/data/postgres does not audit role; add it to pgaudit.log.',
    ]);
    expect(postgresAudit.check(cluster({}))).toHaveLength(3);
  });

  test('values of parameters stay out of the log', () => {
    expect(audited({ 'pgaudit.log': 'all', 'pgaudit.log_parameter': 'on' })).toEqual([
      'Cluster/data/postgres writes the values of parameters into its audit log; set pgaudit.log_parameter: off.',
    ]);
  });
});

describe('postgres-tls', () => {
  const reject = 'hostnossl all all all reject';
  const withHba = (...rules: string[]) => postgresTls.check(cluster({ postgresql: { pg_hba: rules } }));
  const pooler = (parameters?: object) =>
    postgresTls.check(
      resource('postgresql.cnpg.io/v1:Pooler', 'pooler', { spec: { pgbouncer: { parameters } } }),
    );
  const open =
    'Cluster/data/postgres takes connections without TLS; start pg_hba with "hostnossl all all all reject".';

  test('plain connections are refused before any rule that would take them', () => {
    expect(withHba(reject)).toEqual([]);
    expect(withHba('hostssl all app all scram-sha-256', reject, 'host all all all md5')).toEqual([]);
  });

  test('no rule, a later rule or a narrower rule does not refuse them', () => {
    expect(withHba()).toEqual([open]);
    expect(withHba('host all all all md5', reject)).toEqual([open]);
    expect(withHba('hostnossl platform all all reject')).toEqual([open]);
  });

  test('TLS cannot be switched off', () => {
    const spec = { postgresql: { parameters: { ssl: 'off' }, pg_hba: [reject] } };
    expect(postgresTls.check(cluster(spec))).toEqual([
      'Cluster/data/postgres switches TLS off; remove the parameter ssl.',
    ]);
  });

  test('PgBouncer asks for TLS', () => {
    expect(pooler({ client_tls_sslmode: 'require' })).toEqual([]);
    for (const parameters of [{ client_tls_sslmode: 'prefer' }, undefined])
      expect(pooler(parameters)).toEqual([
        'Pooler/data/pooler has client_tls_sslmode "prefer"; set it to require.',
      ]);
  });
});
