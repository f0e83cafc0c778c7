/** Names that CloudNativePG sets itself, or refuses to have changed; a trailing `*` stands for any rest. */
const RESERVED = [
  'allow_alter_system',
  'allow_system_table_mods',
  'archive_cleanup_command',
  'archive_command',
  'archive_mode',
  'bonjour*',
  'cluster_name',
  'cnpg.*',
  'config_file',
  'data_directory',
  'data_sync_retry',
  'event_source',
  'external_pid_file',
  'hba_file',
  'hot_standby',
  'ident_file',
  'jit_provider',
  'listen_addresses',
  'log_destination',
  'log_directory',
  'log_file_mode',
  'log_filename',
  'log_rotation_age',
  'log_rotation_size',
  'log_truncate_on_rotation',
  'logging_collector',
  'pg_failover_slots.primary_dsn',
  'pg_failover_slots.standby_slot_names',
  'port',
  'primary_conninfo',
  'primary_slot_name',
  'promote_trigger_file',
  'recovery_end_command',
  'recovery_min_apply_delay',
  'recovery_target*',
  'restart_after_crash',
  'restore_command',
  'shared_preload_libraries',
  'ssl',
  'ssl_ca_file',
  'ssl_cert_file',
  'ssl_crl_file',
  'ssl_dh_params_file',
  'ssl_ecdh_curve',
  'ssl_key_file',
  'ssl_passphrase_command*',
  'ssl_prefer_server_ciphers',
  'stats_temp_directory',
  'synchronized_standby_slots',
  'synchronous_standby_names',
  'syslog_*',
  'temp_tablespaces',
  'unix_socket_*',
] as const;

/** What the platform sets unless a stack says otherwise: audit log, query statistics, bounded idle transactions. */
export const defaultParameters: Readonly<Record<string, string>> = {
  'pgaudit.log': 'ddl, write, role',
  'pgaudit.log_catalog': 'on',
  // Parameters are personal data, token hashes and ciphertexts: the log would keep what the tables protect.
  'pgaudit.log_parameter': 'off',
  // The same for statements that are logged because they were slow.
  log_parameter_max_length: '0',
  'pg_stat_statements.max': '10000',
  'pg_stat_statements.track': 'all',
  idle_in_transaction_session_timeout: '10min',
  log_lock_waits: 'on',
  log_min_duration_statement: '1s',
};

/**
 * Merges the parameters of a stack over {@link defaultParameters}.
 * @throws Error naming every parameter that the operator reserves, or whose name is none.
 * @see https://cloudnative-pg.io/documentation/current/postgresql_conf/#fixed-parameters
 */
export function postgresParameters(own: Readonly<Record<string, string>> = {}): Record<string, string> {
  const names = Object.keys(own);
  const reserved = names.filter(isReserved);
  if (reserved.length > 0) {
    throw new Error(
      `postgres.parameters must not set ${reserved.map((name) => `${name} (got "${own[name]}")`).join(', ')}: CloudNativePG manages it; remove it.`,
    );
  }
  const malformed = names.filter((name) => !/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/.test(name));
  if (malformed.length > 0) {
    throw new Error(
      `postgres.parameters has names that PostgreSQL cannot have: ${malformed.map((name) => `"${name}"`).join(', ')}; write them in lower case, such as max_connections or pgaudit.log.`,
    );
  }
  const long = names.filter((name) => !isOneLine(own[name]!));
  if (long.length > 0) {
    throw new Error(
      `postgres.parameters must be single lines of text, got ${long.map((name) => `${name} ${JSON.stringify(own[name])}`).join(', ')}; remove line ends and control characters.`,
    );
  }
  return { ...defaultParameters, ...own };
}

/** Whether a value stays on its own line of a configuration file. */
export function isOneLine(value: string): boolean {
  return !/[\p{Cc}\u2028\u2029]/u.test(value);
}

function isReserved(name: string): boolean {
  return RESERVED.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}
