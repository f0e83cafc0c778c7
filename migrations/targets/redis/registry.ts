/** The registry that a series of operations leaves behind; pure, so that files, store and program judge alike. */
import type { ChannelDefinition, KeyDefinition, RedisOperation, StreamDefinition } from './definitions';
import { overlap } from './patterns';

/** Everything that is registered, by pattern or name. */
export interface Registry {
  readonly keys: ReadonlyMap<string, KeyDefinition>;
  readonly streams: ReadonlyMap<string, StreamDefinition>;
  readonly channels: ReadonlyMap<string, ChannelDefinition>;
}

export const emptyRegistry: Registry = { keys: new Map(), streams: new Map(), channels: new Map() };

/**
 * The registry after one operation; repeating an operation changes nothing more.
 * @throws Error of one sentence with the fix when the operation contradicts what is registered.
 */
export function registryAfter(registry: Registry, change: RedisOperation): Registry {
  switch (change.operation) {
    case 'registerKeys':
      return change.keys.reduce(withKey, registry);
    case 'unregisterKeys':
      return change.patterns.reduce(withoutKey, registry);
    case 'createStream':
      return withStream(registry, change);
    case 'deleteStream':
      return withoutStream(registry, change.stream);
    case 'createConsumerGroup': {
      const { stream, group } = change;
      const current = existing(registry, stream);
      return putStream(registry, { ...current, groups: union(current.groups, [group]) });
    }
    case 'deleteConsumerGroup': {
      const current = registry.streams.get(change.stream);
      if (!current) return registry;
      const groups = current.groups.filter((name) => name !== change.group);
      return putStream(registry, { ...current, groups });
    }
    case 'registerChannels':
      return change.channels.reduce(withChannel, registry);
    case 'unregisterChannels': {
      const channels = new Map(registry.channels);
      for (const name of change.channels) channels.delete(name);
      return { ...registry, channels };
    }
  }
}

function withKey(registry: Registry, key: KeyDefinition): Registry {
  const other = [...registry.keys.keys()].find(
    (pattern) => pattern !== key.pattern && overlap(pattern, key.pattern),
  );
  if (other !== undefined) {
    const { type, owner, database } = registry.keys.get(other)!;
    throw new Error(
      `the pattern "${key.pattern}" (${key.type}, ${key.owner}, database ${key.database}) overlaps with "${other}" (${type}, ${owner}, database ${database}): a key could fit both; give one another prefix.`,
    );
  }
  const before = registry.keys.get(key.pattern);
  const isStream = registry.streams.has(key.pattern);
  if (isStream && (key.type !== 'stream' || key.database !== before?.database)) {
    throw new Error(
      `the stream "${key.pattern}" exists, so its type and database stay; delete the stream first.`,
    );
  }
  return { ...registry, keys: new Map(registry.keys).set(key.pattern, key) };
}

function withoutKey(registry: Registry, pattern: string): Registry {
  if (registry.streams.has(pattern)) {
    throw new Error(`the stream "${pattern}" still exists; delete it before its key is unregistered.`);
  }
  const keys = new Map(registry.keys);
  keys.delete(pattern);
  return { ...registry, keys };
}

function withStream(
  registry: Registry,
  { stream, groups, deadLetter }: Extract<RedisOperation, { operation: 'createStream' }>,
): Registry {
  requireStreamKey(registry, stream);
  if (deadLetter) {
    if (deadLetter.stream === stream) {
      throw new Error(`the dead letters of "${stream}" must go to another stream.`);
    }
    requireStreamKey(registry, deadLetter.stream);
  }
  const known = registry.streams.get(stream)?.groups ?? [];
  return putStream(registry, {
    stream,
    groups: union(known, groups),
    ...(deadLetter ? { deadLetter } : {}),
  });
}

function withoutStream(registry: Registry, stream: string): Registry {
  const user = [...registry.streams.values()].find((other) => other.deadLetter?.stream === stream);
  if (user)
    throw new Error(`"${stream}" takes the dead letters of "${user.stream}"; delete that stream first.`);
  const streams = new Map(registry.streams);
  streams.delete(stream);
  return { ...registry, streams };
}

function withChannel(registry: Registry, channel: ChannelDefinition): Registry {
  const other = [...registry.channels.keys()].find(
    (name) => name !== channel.channel && overlap(name, channel.channel),
  );
  if (other !== undefined) {
    throw new Error(
      `the channel "${channel.channel}" overlaps with "${other}": a message could be for both; give one another prefix.`,
    );
  }
  return { ...registry, channels: new Map(registry.channels).set(channel.channel, channel) };
}

function requireStreamKey({ keys }: Registry, stream: string): void {
  const type = keys.get(stream)?.type;
  if (type === 'stream') return;
  throw new Error(
    `the key "${stream}" is ${type ? `registered as ${type}` : 'not registered'}; register it with type stream first.`,
  );
}

function existing({ streams }: Registry, stream: string): StreamDefinition {
  const found = streams.get(stream);
  if (!found) throw new Error(`the stream "${stream}" does not exist; create it first.`);
  return found;
}

function putStream(registry: Registry, stream: StreamDefinition): Registry {
  return { ...registry, streams: new Map(registry.streams).set(stream.stream, stream) };
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}
