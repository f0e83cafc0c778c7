/** What the registry holds: keys, streams and channels, as the change files declare them. */
import { z } from 'zod';
import { isLiteral, patternFault } from './patterns';

/** Logical databases and what each is for; Redis Cluster has only 0, where all keys live side by side under their prefixes. */
export const databases = {
  0: 'sessions and general cache',
  1: 'agent-to-agent messages and routing',
  2: 'workflow state',
  3: 'cache of tool results',
  4: 'cache of RAG searches',
  5: 'cache of metrics',
} as const;

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Kinds of keys and the longest TTL of each, in seconds; null: it may live for ever, with a reason. */
export const keyClasses = {
  session: 30 * DAY,
  cache: DAY,
  counter: DAY,
  status: HOUR,
  state: 30 * DAY,
  queue: null,
  directory: null,
} as const satisfies Record<string, number | null>;

const classNames = Object.keys(keyClasses) as (keyof typeof keyClasses)[];
const description = z.string().trim().min(1);
const maxLength = z.int().min(1);

/** Names of ACL users that exist anyway, and of Secrets that are not an application's. */
export const reservedOwners = [
  'acl',
  'app',
  'backup',
  'default',
  'migrations',
  'monitor',
  'node',
  'readonly',
  'replica',
  'replication',
  'restore',
  'sentinel',
  'tls',
  'vault',
] as const;

export const owner = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/, 'an owner has 1 to 30 of a-z, 0-9 and "-"')
  .refine((name) => !(reservedOwners as readonly string[]).includes(name), {
    error: ({ input }) =>
      `the owner "${String(input)}" is the name of a user of the platform; choose another`,
  });
const owners = z.array(owner).min(1);

const pattern = z.string().superRefine((text, context) => {
  const fault = patternFault(text);
  if (fault) context.addIssue({ code: 'custom', message: `the pattern "${text}" is not valid: ${fault}` });
});

/** A name without placeholder. */
export const literalName = pattern.refine(isLiteral, {
  error: ({ input }) => `"${String(input)}" must name one stream, without a placeholder`,
});

const database = z.custom<number>((value) => typeof value === 'number' && value in databases, {
  error: ({ input }) =>
    `unknown database ${JSON.stringify(input)}; the databases are ${Object.entries(databases)
      .map(([index, use]) => `${index} (${use})`)
      .join(', ')}`,
});

const ttl = z.union([z.int().min(1), z.literal('none')], {
  error: ({ input }) =>
    input === undefined
      ? 'no TTL: give its seconds, or "none" together with a "reason"'
      : `${JSON.stringify(input)} is neither whole seconds of at least 1 nor "none"`,
});

/** One key pattern of the registry. */
const keyDefinition = z
  .strictObject({
    pattern,
    /** As TYPE names it. @see https://redis.io/docs/latest/commands/type/ */
    type: z.enum(['string', 'hash', 'list', 'set', 'zset', 'stream']),
    class: z.enum(classNames as [keyof typeof keyClasses]),
    ttl,
    /** Why it has no TTL. */
    reason: description.optional(),
    /** Application that may do everything with these keys. */
    owner,
    /** Applications that may read them … */
    readers: owners.optional(),
    /** … and that may write them without reading. */
    writers: owners.optional(),
    database,
    /** Entries that its writers keep at most: `XADD … MAXLEN ~ <maxLength>`. */
    maxLength: maxLength.optional(),
    description,
  })
  .superRefine((key, context) => {
    const fault = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message: `${key.pattern}: ${message}` });
    const longest = keyClasses[key.class];
    if (key.ttl === 'none') {
      if (longest !== null)
        fault('ttl', `class ${key.class} needs a TTL of at most ${longest} s, got "none"`);
      if (!key.reason) fault('reason', 'a key without TTL needs a reason');
    } else if (longest !== null && key.ttl > longest) {
      fault('ttl', `class ${key.class} allows a TTL of at most ${longest} s, got ${key.ttl}`);
    }
    if (key.type === 'stream' && key.maxLength === undefined)
      fault('maxLength', 'a stream needs a maxLength');
    if (key.type !== 'stream' && key.maxLength !== undefined)
      fault('maxLength', `only streams have a maxLength, got type ${key.type}`);
  });

/** One channel or pattern of channels; Redis permits publishing and subscribing by one rule, so the commands tell them apart. */
const channelDefinition = z.strictObject({
  channel: pattern,
  publishers: owners,
  subscribers: owners,
  description,
});

const group = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'a consumer group has 1 to 63 of a-z, 0-9 and "-"');

/** Field of a stream: where entries go that were delivered too often. */
const deadLetter = z.strictObject({ stream: literalName, afterDeliveries: z.int().min(1) });

/**
 * The operations of Redis change files.
 * @see https://redis.io/docs/latest/develop/data-types/streams/
 */
export const operation = z.discriminatedUnion('operation', [
  z.strictObject({ operation: z.literal('registerKeys'), keys: z.array(keyDefinition).min(1) }),
  z.strictObject({ operation: z.literal('unregisterKeys'), patterns: z.array(pattern).min(1) }),
  z.strictObject({
    operation: z.literal('createStream'),
    stream: literalName,
    groups: z.array(group).min(1),
    deadLetter: deadLetter.optional(),
  }),
  z.strictObject({ operation: z.literal('deleteStream'), stream: literalName }),
  z.strictObject({ operation: z.literal('createConsumerGroup'), stream: literalName, group }),
  z.strictObject({ operation: z.literal('deleteConsumerGroup'), stream: literalName, group }),
  z.strictObject({ operation: z.literal('registerChannels'), channels: z.array(channelDefinition).min(1) }),
  z.strictObject({ operation: z.literal('unregisterChannels'), channels: z.array(pattern).min(1) }),
]);

/** One operation of a Redis change file. */
export type RedisOperation = z.infer<typeof operation>;
export type KeyDefinition = Readonly<z.infer<typeof keyDefinition>>;
export type ChannelDefinition = Readonly<z.infer<typeof channelDefinition>>;

/** A stream that exists, with its consumer groups. */
export interface StreamDefinition {
  readonly stream: string;
  readonly groups: readonly string[];
  readonly deadLetter?: Readonly<z.infer<typeof deadLetter>>;
}
