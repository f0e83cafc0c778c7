import { createHash } from 'node:crypto';

/** What one ACL user is for, and what it may do on each kind of pod; no rules mean that it does not exist there. */
interface AclUser {
  readonly purpose: string;
  /** Rules on data pods. */
  readonly server?: readonly string[];
  /** Rules on Sentinel pods. */
  readonly sentinel?: readonly string[];
}

const nothing = ['resetkeys', 'resetchannels', '-@all'];
const sentinelChannel = '&__sentinel__:hello';

/**
 * Every user of the Redis component; the user `default` is off everywhere.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
 */
export const aclUsers = {
  app: {
    purpose:
      'Applications: all keys, channels and data commands; nothing that administers or can stall the server.',
    server: ['~*', '&*', '+@all', '-@admin', '-@dangerous', '+info', '+role'],
    sentinel: [
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
    ],
  },
  monitor: {
    purpose: 'Metrics: counters and latencies; reads no key, and no setting (settings hold passwords).',
    server: [
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
    ],
    sentinel: [
      ...nothing,
      '+ping',
      '+info',
      '+client|setname',
      '+sentinel|ckquorum',
      '+sentinel|masters',
      '+sentinel|replicas',
      '+sentinel|sentinels',
      '+sentinel|slaves',
    ],
  },
  replica: {
    purpose: 'Replicas towards their master: replication only.',
    server: [...nothing, '+ping', '+psync', '+replconf'],
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
      "The pods' own scripts: look at roles, follow the elected master, and hand over before a master stops.",
    server: [...nothing, '+client|pause', '+info', '+ping', '+replicaof'],
    sentinel: [...nothing, '+ping', '+sentinel|failover', '+sentinel|get-master-addr-by-name'],
  },
} as const satisfies Record<string, AclUser>;

/** Names of the ACL users. */
export type AclUserName = keyof typeof aclUsers;
export const aclUserNames = Object.keys(aclUsers) as AclUserName[];

/** Text of the ACL file of one kind of pod; holds SHA-256 digests instead of the passwords. */
export function aclFile(
  side: 'server' | 'sentinel',
  passwords: Readonly<Record<AclUserName, string>>,
): string {
  const lines = aclUserNames.flatMap((name) => {
    const rules = (aclUsers[name] as AclUser)[side];
    if (!rules) return [];
    const digest = createHash('sha256').update(passwords[name]).digest('hex');
    return [`user ${name} on #${digest} ${rules.join(' ')}`];
  });
  return ['user default off', ...lines, ''].join('\n');
}
