import { MalformedChangeError } from '../../engine/change-files';
import { TemporaryFolder } from '../../testing/change-folder';
import { declaredRegistry, registryOfFolder } from './declared';
import { redisFormat } from './format';
import { glob, matcher, overlap } from './patterns';

const key = {
  pattern: 'note:{note_id}',
  type: 'string',
  class: 'cache',
  ttl: 60,
  owner: 'notes',
  database: 0,
  description: 'A note',
};
const stream = {
  ...key,
  pattern: 'note:queue:new',
  type: 'stream',
  class: 'queue',
  ttl: 'none',
  reason: 'trimmed',
  maxLength: 10,
};
const register = (...keys: object[]) => ({ operation: 'registerKeys', keys });
const down = [{ operation: 'unregisterKeys', patterns: ['note:{note_id}'] }];
const file = (...up: object[]) => JSON.stringify({ description: 'd', up, down });

test.each<[string, object, RegExp]>([
  [
    'a key without TTL',
    register({ ...key, ttl: undefined }),
    /up\.0\.keys\.0\.ttl: no TTL: give its seconds/,
  ],
  ['a TTL of no seconds', register({ ...key, ttl: 0 }), /keys\.0\.ttl: Too small: expected number to be >=1/],
  [
    'a cache without TTL',
    register({ ...key, ttl: 'none', reason: 'r' }),
    /note:\{note_id\}: class cache needs a TTL of at most 86400 s, got "none"/,
  ],
  [
    'no TTL and no reason',
    register({ ...stream, reason: undefined }),
    /note:queue:new: a key without TTL needs a reason/,
  ],
  [
    'a TTL that its class does not allow',
    register({ ...key, ttl: 90_000 }),
    /class cache allows a TTL of at most 86400 s, got 90000/,
  ],
  [
    'an unknown database',
    register({ ...key, database: 6 }),
    /unknown database 6; the databases are 0 \(sessions and general cache\), 1 /,
  ],
  ['a database by its name', register({ ...key, database: 'toString' }), /unknown database "toString"/],
  [
    'a pattern that starts with a placeholder',
    register({ ...key, pattern: '{id}:note' }),
    /"\{id\}:note" is not valid: it must start with a literal segment/,
  ],
  [
    'a pattern with a wildcard',
    register({ ...key, pattern: 'note:*' }),
    /"note:\*" is not valid: "\*" is neither a literal/,
  ],
  ['an open brace', register({ ...key, pattern: 'note:{id' }), /"\{id" is neither a literal/],
  [
    'the prefix of the migrations',
    register({ ...key, pattern: 'schema:{id}' }),
    /the prefix schema belongs to the migrations/,
  ],
  [
    'an owner that is a user of the platform',
    register({ ...key, owner: 'monitor' }),
    /the owner "monitor" is the name of a user of the platform/,
  ],
  [
    'an owner that could leave the ACL line',
    register({ ...key, owner: 'a on nopass' }),
    /an owner has 1 to 30 of a-z/,
  ],
  ['a stream without length', register({ ...stream, maxLength: undefined }), /a stream needs a maxLength/],
  [
    'a length of no stream',
    register({ ...key, maxLength: 5 }),
    /only streams have a maxLength, got type string/,
  ],
  [
    'overlapping patterns',
    register(key, { ...key, pattern: 'note:latest', type: 'hash', owner: 'other', database: 2 }),
    /line 1: the pattern "note:latest" \(hash, other, database 2\) overlaps with "note:\{note_id\}" \(string, notes, database 0\): a key could fit both\. Give one another prefix\./,
  ],
  ['a pattern defined twice', register(key, key), /"note:\{note_id\}" is defined twice\. Keep one of them\./],
  [
    'overlapping channels',
    {
      operation: 'registerChannels',
      channels: ['news:{topic}', 'news:all'].map((channel) => ({
        channel,
        publishers: ['a'],
        subscribers: ['b'],
        description: 'd',
      })),
    },
    /the channel "news:all" overlaps with "news:\{topic\}"/,
  ],
  [
    'a stream with a placeholder',
    { operation: 'createStream', stream: 'note:{note_id}', groups: ['g'] },
    /must name one stream, without a placeholder/,
  ],
  ['a stream without group', { operation: 'createStream', stream: 'note:queue', groups: [] }, /Too small/],
])('a file with %s is refused', (_name, operation, message) => {
  const parse = () => redisFormat.parse(file(operation));
  expect(parse).toThrow(MalformedChangeError);
  expect(parse).toThrow(message);
});

test('a valid file keeps its operations as they are', () => {
  expect(redisFormat.parse(file(register(key))).up).toEqual([
    { text: JSON.stringify(register(key)), line: 1 },
  ]);
});

describe('files together', () => {
  let folder: TemporaryFolder;
  afterEach(() => folder.remove());
  const registry = (...changes: string[]) => {
    folder = new TemporaryFolder(
      Object.fromEntries(changes.map((text, index) => [`00000${index + 1}-a.json`, text])),
    );
    return registryOfFolder(folder.path, 'migrations/redis/platform');
  };

  test.each<[string, object, string]>([
    [
      'overlap with an earlier file',
      register({ ...key, pattern: 'note:{a}:{b}' }),
      'the pattern "note:{a}:{b}" (string, notes, database 0) overlaps with "note:{note_id}" (string, notes, database 0): a key could fit both; give one another prefix.',
    ],
    [
      'a stream without key',
      { operation: 'createStream', stream: 'task:new', groups: ['g'] },
      'the key "task:new" is not registered; register it with type stream first.',
    ],
    [
      'a group of a stream that is not there',
      { operation: 'createConsumerGroup', stream: 'task:new', group: 'g' },
      'the stream "task:new" does not exist; create it first.',
    ],
  ])('%s', (_name, operation, message) => {
    expect(() => registry(file(register(key)), file(operation))).toThrow(
      `migrations/redis/platform/000002-a.json, line 1: ${message}`,
    );
  });

  test('a stream keeps its key, and dead letters their stream', () => {
    const own = [stream, { ...stream, pattern: 'task:dead' }];
    const create = [
      { operation: 'createStream', stream: 'task:dead', groups: ['people'] },
      {
        operation: 'createStream',
        stream: 'note:queue:new',
        groups: ['workers'],
        deadLetter: { stream: 'task:dead', afterDeliveries: 3 },
      },
    ];
    const start = file(register(...own), ...create);
    expect(() =>
      registry(start, file({ operation: 'unregisterKeys', patterns: ['note:queue:new'] })),
    ).toThrow('the stream "note:queue:new" still exists; delete it before its key is unregistered.');
    folder.remove();
    expect(() => registry(start, file({ operation: 'deleteStream', stream: 'task:dead' }))).toThrow(
      '"task:dead" takes the dead letters of "note:queue:new"; delete that stream first.',
    );
    folder.remove();
    expect(registry(start).streams.get('note:queue:new')).toEqual({
      stream: 'note:queue:new',
      groups: ['workers'],
      deadLetter: { stream: 'task:dead', afterDeliveries: 3 },
    });
  });
});

describe('patterns', () => {
  test.each<[string, string, boolean]>([
    ['session:{id}', 'session:{other}', true],
    ['a:{x}:status', 'a:registry', false],
    ['a:{x}:status', 'a:{y}:load', false],
    // A placeholder is `*` in the ACL, which takes `:` too.
    ['a:{x}', 'a:{y}:load', true],
    ['a:{x}:c', 'a:b:{y}', true],
    ['workflow:{id}:state', 'workflow:templates:cache', false],
    ['a', 'a:{x}', false],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect([overlap(a, b), overlap(b, a)]).toEqual([expected, expected]);
  });

  test('a key fits with one segment for each placeholder', () => {
    const fits = matcher('a2a:agents:{agent_id}:status');
    expect(
      ['a2a:agents:7:status', 'a2a:agents::status', 'a2a:agents:7:8:status', 'xa2a:agents:7:status'].map(
        (text) => fits.test(text),
      ),
    ).toEqual([true, false, false, false]);
    expect(glob('a2a:agents:{agent_id}:status')).toBe('a2a:agents:*:status');
  });
});

test('the platform registers every key of the requirements', () => {
  const { keys, streams, channels } = declaredRegistry('platform');
  const required = [
    'a2a:agents:capabilities',
    'a2a:agents:registry',
    'a2a:agents:{agent_id}:heartbeat',
    'a2a:agents:{agent_id}:load',
    'a2a:agents:{agent_id}:status',
    'a2a:messages:pending',
    'a2a:messages:processing',
    'a2a:routing:rules',
    'api:cache:{endpoint}:{hash}',
    'api:ratelimit:{user_id}',
    'session:{session_id}',
    'user:{user_id}:permissions',
    'user:{user_id}:profile',
    'workflow:templates:cache',
    'workflow:{execution_id}:context',
    'workflow:{execution_id}:state',
  ];
  expect([...keys.keys()]).toEqual(expect.arrayContaining(required));
  expect([...new Set([...keys.values()].map(({ database }) => database))].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  expect([...streams.keys()]).toEqual([
    'a2a:messages:dead',
    'a2a:messages:pending',
    'a2a:messages:processing',
  ]);
  expect([...channels.keys()].sort()).toEqual([
    'a2a:broadcast',
    'a2a:events:{agent_id}',
    'cache:invalidate:{entity}',
    'workflow:events:{execution_id}',
  ]);
});
