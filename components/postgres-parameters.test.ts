import { defaultParameters, postgresParameters } from './postgres-parameters';

it('sets the audit log and the query statistics by default', () => {
  expect(postgresParameters()).toEqual({
    'pgaudit.log': 'ddl, write, role',
    'pgaudit.log_catalog': 'on',
    'pgaudit.log_parameter': 'off',
    log_parameter_max_length: '0',
    'pg_stat_statements.max': '10000',
    'pg_stat_statements.track': 'all',
    idle_in_transaction_session_timeout: '10min',
    log_lock_waits: 'on',
    log_min_duration_statement: '1s',
  });
});

it('lets a stack add and change parameters', () => {
  expect(postgresParameters({ max_connections: '300', 'pgaudit.log': 'all' })).toEqual({
    ...defaultParameters,
    max_connections: '300',
    'pgaudit.log': 'all',
  });
});

it.each([
  ['port', '6000'],
  ['recovery_target_time', 'now'],
  ['unix_socket_directories', '/tmp'],
  ['shared_preload_libraries', 'pgaudit'],
  ['synchronous_standby_names', '*'],
  ['cnpg.config_sha256', 'x'],
])('refuses %s, which the operator manages', (name, value) => {
  expect(() => postgresParameters({ work_mem: '8MB', [name]: value })).toThrow(
    `postgres.parameters must not set ${name} (got "${value}"): CloudNativePG manages it; remove it.`,
  );
});

it('does not confuse ssl with the settings whose names begin alike', () => {
  expect(postgresParameters({ ssl_min_protocol_version: 'TLSv1.2' })).toHaveProperty(
    'ssl_min_protocol_version',
    'TLSv1.2',
  );
});

it('refuses names that PostgreSQL cannot have', () => {
  expect(() => postgresParameters({ MaxConnections: '3' })).toThrow(
    'postgres.parameters has names that PostgreSQL cannot have: "MaxConnections"; write them in lower case, such as max_connections or pgaudit.log.',
  );
});

it.each(['on\nssl = off', 'on\r', 'a\u2028b', '\u001b[2K'])(
  'refuses %j, which is more than one line',
  (value) => {
    expect(() => postgresParameters({ log_connections: value })).toThrow(
      `postgres.parameters must be single lines of text, got log_connections ${JSON.stringify(value)}; remove line ends and control characters.`,
    );
  },
);
