import { createHash } from 'node:crypto';
import { aclFile, aclUserNames, aclUsers } from './redis-acl';

const passwords = Object.fromEntries(aclUserNames.map((name) => [name, [`clear-${name}`]]));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const digest = (name: string) => sha256(`clear-${name}`);

test('the data pods know every user, by digest, and no default user', () => {
  const [first, ...users] = aclFile('server', passwords).trimEnd().split('\n');
  expect(first).toBe('user default off');
  expect(users.map((line) => line.split(' ').slice(0, 4).join(' '))).toEqual(
    ['app', 'readonly', 'backup', 'restore', 'migrations', 'monitor', 'replica', 'sentinel', 'node'].map(
      (name) => `user ${name} on #${digest(name)}`,
    ),
  );
  expect(users[0]).toBe(`user app on #${digest('app')} ~* &* +@all -@admin -@dangerous +info +role`);
  expect(users[6]).toBe(
    `user replica on #${digest('replica')} resetkeys resetchannels -@all +ping +psync +replconf`,
  );
});

test('the Sentinels do not know the replication user', () => {
  expect(
    aclFile('sentinel', passwords)
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[1]),
  ).toEqual(['default', 'app', 'readonly', 'backup', 'monitor', 'sentinel', 'node']);
});

test('no password is in clear in any file', () => {
  for (const side of ['server', 'sentinel', 'cluster'] as const)
    expect(aclFile(side, passwords)).not.toContain('clear-');
});

test('the pods of a Cluster do not know the Sentinels', () => {
  expect(
    aclFile('cluster', passwords)
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[1]),
  ).toEqual(['default', 'app', 'readonly', 'backup', 'restore', 'migrations', 'monitor', 'replica', 'node']);
});

test('during a rotation the password before it is valid too', () => {
  const accepted = { ...passwords, app: ['new', 'old'] };
  for (const side of ['server', 'sentinel', 'cluster'] as const)
    expect(aclFile(side, accepted)).toContain(`\nuser app on #${sha256('new')} #${sha256('old')} `);
});

test('only applications, readers and the change files may touch keys, and nobody may read the settings', () => {
  const granted: Partial<Record<string, string[]>> = {
    restore: ['~*'],
    readonly: ['%R~*', '+@read'],
    migrations: [
      '~schema:*',
      '(~* +del +eval +ttl +type +xgroup|create +xgroup|destroy +xinfo|groups +xlen)',
    ],
  };
  for (const name of aclUserNames.filter((user) => user !== 'app')) {
    const rules: readonly string[] = aclUsers[name].server;
    expect(rules.slice(0, 3)).toEqual(['resetkeys', 'resetchannels', '-@all']);
    expect(rules.filter((rule) => /^\(?[~%]|\+@|\+config\|get/.test(rule))).toEqual(granted[name] ?? []);
  }
});

test('an application starts from nothing on every kind of pod', () => {
  const [server, sentinel, cluster] = (['server', 'sentinel', 'cluster'] as const).map((side) =>
    aclFile(side, { ...passwords, notes: ['clear-notes'] }, { notes: ['~note:*', '+get'] })
      .trimEnd()
      .split('\n')
      .at(-1),
  );
  const start = `user notes on #${digest('notes')} resetkeys resetchannels -@all`;
  const basics = '+client|setinfo +client|setname +info +ping +role +select';
  expect(server).toBe(`${start} ~note:* +get ${basics}`);
  expect(cluster).toBe(
    `${start} ~note:* +get ${basics} +asking +cluster|info +cluster|nodes +cluster|shards +cluster|slots +readonly +readwrite`,
  );
  expect(sentinel).toContain(`${start} allchannels +@connection +info `);
  expect(sentinel).not.toContain('~');
});
