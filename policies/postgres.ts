import { isCustom, objectName, Resource, ResourceRule } from './rule';
import { isPostgres } from './stores';

const minimumInstances = 3;

/** The part of a CloudNativePG `Cluster` that the rules read. */
interface ClusterSpec {
  readonly instances?: number;
  readonly postgresql?: {
    readonly synchronous?: { readonly number?: number; readonly dataDurability?: string };
    readonly parameters?: Readonly<Record<string, string>>;
    readonly pg_hba?: readonly string[];
  };
}

/**
 * A CloudNativePG cluster survives the loss of a node without losing an acknowledged commit.
 * @see https://cloudnative-pg.io/documentation/current/replication/#synchronous-replication
 */
export const postgresHighlyAvailable: ResourceRule = {
  name: 'postgres-highly-available',
  description: `PostgreSQL has at least ${minimumInstances} instances and synchronous replication that never degrades silently.`,
  url: 'https://cloudnative-pg.io/documentation/current/replication/#synchronous-replication',
  severity: 'critical',
  check: (resource) => {
    if (!isPostgres(resource)) return [];
    const where = objectName(resource);
    const { instances = 1, postgresql }: ClusterSpec = resource.props.spec ?? {};
    const { number = 0, dataDurability = 'required' } = postgresql?.synchronous ?? {};
    return [
      ...(instances < minimumInstances
        ? [`${where} has ${instances} instances; it needs at least ${minimumInstances}.`]
        : []),
      ...(number < 1
        ? [`${where} replicates asynchronously; set spec.postgresql.synchronous with number 1 or more.`]
        : []),
      ...(dataDurability === 'required'
        ? []
        : [
            `${where} has dataDurability "${dataDurability}"; only "required" keeps every acknowledged commit.`,
          ]),
    ];
  },
};

/** Who changed the schema, the roles or the data is in the log. */
export const postgresAudit: ResourceRule = {
  name: 'postgres-audit',
  description: 'PostgreSQL logs DDL, role changes and writes with pgaudit, without the values of parameters.',
  url: 'https://github.com/pgaudit/pgaudit#settings',
  severity: 'high',
  check: (resource) => {
    if (!isPostgres(resource)) return [];
    const where = objectName(resource);
    const { 'pgaudit.log': log = '', 'pgaudit.log_parameter': values = 'off' } = parametersOf(resource);
    const classes = log.split(',').map((name) => name.trim().toLowerCase());
    const missing = classes.includes('all')
      ? []
      : ['ddl', 'role', 'write'].filter((name) => !classes.includes(name));
    const excluded = classes.filter((name) => /^-(ddl|role|write)$/.test(name));
    return [
      ...[...missing, ...excluded].map(
        (name) => `${where} does not audit ${name.replace('-', '')}; add it to pgaudit.log.`,
      ),
      ...(/^(on|true|yes|1)$/i.test(values)
        ? [`${where} writes the values of parameters into its audit log; set pgaudit.log_parameter: off.`]
        : []),
    ];
  },
};

/** Nobody reads a password or a row off the network. */
export const postgresTls: ResourceRule = {
  name: 'postgres-tls',
  description: 'PostgreSQL and PgBouncer refuse connections without TLS.',
  url: 'https://cloudnative-pg.io/documentation/current/ssl_connections/',
  severity: 'critical',
  check: (resource) => {
    const where = objectName(resource);
    if (isCustom(resource, 'postgresql.cnpg.io', 'Pooler')) {
      const mode = poolerParameters(resource).client_tls_sslmode ?? 'prefer';
      if (/^(require|verify-ca|verify-full)$/.test(mode)) return [];
      return [`${where} has client_tls_sslmode "${mode}"; set it to require.`];
    }
    if (!isPostgres(resource)) return [];
    const rules = (resource.props.spec as ClusterSpec | undefined)?.postgresql?.pg_hba ?? [];
    const off = /^(off|false|no|0)$/i.test(parametersOf(resource).ssl ?? 'on');
    const open = rules.find((rule) => rule.trim() !== '' && !/^\s*(#|hostssl\s|local\s)/.test(rule));
    const refused = open !== undefined && /^\s*hostnossl\s+all\s+all\s+all\s+reject\s*$/.test(open);
    return [
      ...(off ? [`${where} switches TLS off; remove the parameter ssl.`] : []),
      ...(refused
        ? []
        : [`${where} takes connections without TLS; start pg_hba with "hostnossl all all all reject".`]),
    ];
  },
};

function parametersOf({ props }: Resource): Readonly<Record<string, string>> {
  return (props.spec as ClusterSpec | undefined)?.postgresql?.parameters ?? {};
}

function poolerParameters({ props }: Resource): Readonly<Record<string, string>> {
  const spec = props.spec as { pgbouncer?: { parameters?: Record<string, string> } } | undefined;
  return spec?.pgbouncer?.parameters ?? {};
}
