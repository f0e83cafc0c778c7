import { checksum } from './metadata';

/** What one ACL user is for, and what it may do on each kind of pod; no rules mean that it does not exist there. */
interface AclUser {
  readonly purpose: string;
  /** Rules on data pods. */
  readonly server?: readonly string[];
  /** Rules on Sentinel pods. */
  readonly sentinel?: readonly string[];
  /** Rules on the pods of a Cluster. */
  readonly cluster?: readonly string[];
}

const nothing = ['resetkeys', 'resetchannels', '-@all'];
const sentinelChannel = '&__sentinel__:hello';

/** What every client library asks for before it is ready. */
const clientBasics = ['+client|setinfo', '+client|setname', '+info', '+ping', '+role', '+select'];

/** What clients of a Cluster ask for, to find the node of a key. */
const clusterTopology = [
  '+asking',
  '+cluster|info',
  '+cluster|nodes',
  '+cluster|shards',
  '+cluster|slots',
  '+readonly',
  '+readwrite',
];

/** What clients ask a Sentinel for, to find the master and to hear of a new one. */
const masterLookup = [
  ...nothing,
  'allchannels',
  '+@connection',
  '+info',
  '+role',
  '+subscribe',
  '+psubscribe',
  '+unsubscribe',
  '+punsubscribe',
  '+sentinel|get-master-addr-by-name',
  '+sentinel|master',
  '+sentinel|masters',
  '+sentinel|replicas',
  '+sentinel|slaves',
  '+sentinel|sentinels',
];

/** Every key, to look at and not to change. */
const lookOnly = [...nothing, '%R~*', '+@read', '-@dangerous', ...clientBasics];

/** A copy of everything as replicas get it. @see https://redis.io/docs/latest/commands/psync/ */
const copy = [...nothing, '+client|setname', '+info', '+ping', '+psync', '+replconf', '+role', '+sync'];

/** A restore empties the server and writes each key as it was copied. @see https://redis.io/docs/latest/commands/restore/ */
const restoring = ['~*', '+flushall', '+function|restore', '+restore', '+select', '+wait'];

/** What the pods' scripts do to use new passwords without a restart. */
const reload = ['+acl|load', '+config|set'];

const applicationData = ['~*', '&*', '+@all', '-@admin', '-@dangerous', '+info', '+role'];

const metrics = [
  ...nothing,
  '+ping',
  '+info',
  '+role',
  '+dbsize',
  '+client|setname',
  '+latency|histogram',
  '+latency|history',
  '+latency|latest',
  '+memory|stats',
  '+slowlog|get',
  '+slowlog|len',
];

const changeFiles = [
  ...nothing,
  '~schema:*',
  ...clientBasics,
  '+eval',
  '+get',
  '+hdel',
  '+hget',
  '+hgetall',
  '+hset',
  '+hvals',
  '+scan',
  '+set',
  '+wait',
  // Of all other keys: no value is read.
  '(~* +del +eval +ttl +type +xgroup|create +xgroup|destroy +xinfo|groups +xlen)',
];

const replication = [...nothing, '+ping', '+psync', '+replconf'];

/** Whether a user of this name may not be an application's, see {@link aclFile}. */
export function isReservedUser(name: string): boolean {
  return name === 'default' || name in aclUsers;
}

/**
 * Every user of the Redis component; the user `default` is off everywhere.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
 */
export const aclUsers = {
  app: {
    purpose:
      'Applications: all keys, channels and data commands; nothing that administers or can stall the server.',
    server: applicationData,
    sentinel: masterLookup,
    cluster: applicationData,
  },
  readonly: {
    purpose: 'People and reports: reads every key and its names; changes nothing, subscribes to nothing.',
    server: lookOnly,
    sentinel: masterLookup,
    cluster: [...lookOnly, ...clusterTopology],
  },
  backup: {
    purpose: 'Backups: the whole data set as a replica receives it (`redis-cli --rdb`), and nothing by key.',
    server: copy,
    sentinel: masterLookup,
    cluster: [...copy, ...clusterTopology],
  },
  restore: {
    purpose: 'Restores: replaces the whole data set with a copy; only who restores needs it.',
    server: [...copy, ...restoring],
    cluster: [...copy, ...clusterTopology, ...restoring],
  },
  migrations: {
    purpose: 'Change files: the key registry, streams and consumer groups; an audit by name, type and TTL.',
    server: changeFiles,
    cluster: [...changeFiles, ...clusterTopology],
  },
  monitor: {
    purpose: 'Metrics: counters and latencies; reads no key, and no setting (settings hold passwords).',
    server: metrics,
    sentinel: [
      ...nothing,
      '+ping',
      '+info',
      '+client|setname',
      '+sentinel|ckquorum',
      '+sentinel|get-master-addr-by-name',
      '+sentinel|masters',
      '+sentinel|replicas',
      '+sentinel|sentinels',
      '+sentinel|slaves',
    ],
    cluster: [...metrics, '+cluster|info', '+cluster|nodes', '+cluster|shards', '+cluster|slots'],
  },
  replica: {
    purpose: 'Replicas towards their master: replication only.',
    server: replication,
    cluster: replication,
  },
  sentinel: {
    purpose: 'Sentinels towards data pods and towards each other: watch, and change roles.',
    server: [
      ...nothing,
      sentinelChannel,
      '+client|kill',
      '+client|setname',
      '+config|rewrite',
      '+exec',
      '+info',
      '+multi',
      '+ping',
      '+publish',
      '+role',
      '+script|kill',
      '+slaveof',
      '+subscribe',
    ],
    sentinel: [
      ...nothing,
      sentinelChannel,
      '+client|setname',
      '+ping',
      '+publish',
      '+sentinel|is-master-down-by-addr',
    ],
  },
  node: {
    purpose:
      "The pods' own scripts: look at roles, follow the elected master, hand over before a master stops, and load new passwords.",
    server: [...nothing, ...reload, '+client|pause', '+info', '+ping', '+replicaof'],
    sentinel: [
      ...nothing,
      '+acl|load',
      '+ping',
      '+sentinel|config',
      '+sentinel|failover',
      '+sentinel|get-master-addr-by-name',
      '+sentinel|set',
    ],
    cluster: [
      ...nothing,
      ...reload,
      '+cluster|addslotsrange',
      '+cluster|failover',
      '+cluster|forget',
      '+cluster|info',
      '+cluster|meet',
      '+cluster|myid',
      '+cluster|nodes',
      '+cluster|replicate',
      '+info',
      '+ping',
    ],
  },
} as const satisfies Record<string, AclUser>;

/** Names of the ACL users. */
export type AclUserName = keyof typeof aclUsers;
export const aclUserNames = Object.keys(aclUsers) as AclUserName[];

/** Kinds of pods that have an ACL file. */
export type AclSide = 'server' | 'sentinel' | 'cluster';

/** ACL rules on data pods by application, such as those that the key registry gives. */
export type ApplicationRules = Readonly<Record<string, readonly string[]>>;

/** Passwords that a user may log in with, by user: the current one, and during a rotation the one before it. */
export type AcceptedPasswords = Readonly<Record<string, readonly string[]>>;

/** Text of the ACL file of one kind of pod; holds SHA-256 digests instead of the passwords. */
export function aclFile(
  side: AclSide,
  passwords: AcceptedPasswords,
  applications: ApplicationRules = {},
): string {
  const platform = aclUserNames.map((name) => ({ name, rules: (aclUsers[name] as AclUser)[side] }));
  const others = Object.entries(applications).map(([name, rules]) => ({
    name,
    rules: applicationRulesOn(side, rules),
  }));
  const lines = [...platform, ...others].flatMap(({ name, rules }) => {
    if (!rules) return [];
    const digests = passwords[name]!.map((password) => `#${checksum(password)}`);
    return [`user ${name} on ${digests.join(' ')} ${rules.join(' ')}`];
  });
  return ['user default off', ...lines, ''].join('\n');
}

function applicationRulesOn(side: AclSide, rules: readonly string[]): readonly string[] {
  if (side === 'sentinel') return masterLookup;
  // Later rules win: INFO and ROLE count as dangerous.
  return [...nothing, ...rules, ...clientBasics, ...(side === 'cluster' ? clusterTopology : [])];
}
