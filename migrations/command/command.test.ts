import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sqlChange, TemporaryFolder } from '../testing/change-folder';
import type { Io } from './io';
import { stores } from '../../stacks/stores';
import { vault } from '../../stacks/vault';
import { type StoreName, storeNames } from '../stores';
import { findPlaces } from './places';
import { runCommand } from './run-command';
import { readSeedFiles } from './seed';
import { readStackPlace } from './stack-place';

let folder: TemporaryFolder;
let out: string;
let notes: string;
const variables = { ...process.env };
beforeEach(() => {
  folder = new TemporaryFolder();
  [out, notes] = ['', ''];
});
afterEach(() => {
  folder.remove();
  process.env = { ...variables };
});

const io: Io = { out: (text) => (out += `${text}\n`), note: (text) => (notes += `${text}\n`) };
const run = (...args: string[]) => runCommand(args, { io });

describe('wrong usage is exit code 2 and one sentence', () => {
  test.each([
    [['migrate', 'fly'], "error: unknown command 'fly'"],
    [['migrate', 'down', '--store', 'postgres'], "error: required option '--to <version>' not specified"],
    [['migrate', 'up', '--to', '1.5'], 'A version is a number of up to six digits, such as 3 or 000003.'],
    [['migrate', 'up', '--database', '../x'], 'A database name has letters, digits, "_" and "-".'],
    [['migrate', 'up', '--lock-wait', 'long'], 'It is a number of seconds, such as 60.'],
    [['migrate', 'up', '--to', '3'], 'error: --to is a version of one store: name its --store.'],
    [['migrate', 'status', '--url', 'nonsense'], 'error: --url is no address; it has the form <store>://'],
    [['migrate', 'status', '--url', 'mysql://a@b/c'], 'error: --url starts with "mysql://"; it must start'],
    [
      ['migrate', 'status', '--url', 'minio://a@b', '--store', 'postgres'],
      'error: --url is an address of minio, but --store says postgres.',
    ],
    [['migrate', 'status', '--stack', '../dev'], 'error: Stack "../dev" has no Pulumi.../dev.yaml'],
    [
      ['migrate', 'status', '--database', 'nowhere'],
      'No store of the stack has change files of the database',
    ],
    [['migrate', 'new', 'Big-Change', '--store', 'postgres'], 'error: "Big-Change" cannot be part of a file'],
    [['migrate', 'new', 'x'], "error: required option '--store <name>' not specified"],
    [['migrate', 'lint', 'nowhere.sql'], 'error: nowhere.sql does not exist.'],
    [['migrate', 'lint', 'package.json'], 'error: package.json is not below migrations/<store>/<database>'],
    [['seed', '--url', 'postgres://a@b/c'], 'error: --environment is required with --url.'],
    [['seed', '--environment', '../prod'], 'error: "../prod" is no environment'],
  ])('%j', async (args, message) => {
    expect(await run(...args)).toBe(2);
    expect(notes).toContain(message);
    expect(out).toBe('');
  });

  test('a password in the address is refused and not repeated', async () => {
    expect(await run('migrate', 'status', '--url', 'postgres://a:hunter2@127.0.0.1/x')).toBe(2);
    expect(notes).toMatch(/^error: --url has a password, which other users of this machine could read\./);
    expect(notes).not.toContain('hunter2');
  });

  test('a password that is not set names its variable; --json prints the error too', async () => {
    delete process.env.PGPASSWORD;
    const url = ['--url', 'postgres://a@127.0.0.1:1/x', '--folder', folder.path];
    expect(await run('migrate', 'status', ...url, '--json')).toBe(2);
    const message =
      'The environment variable PGPASSWORD, which holds the password, is not set. Set it, or name another with --password-env.';
    expect(JSON.parse(out)).toEqual({ error: message });
    expect(await run('migrate', 'status', ...url, '--password-env', 'MINE')).toBe(2);
    expect(notes).toContain('The environment variable MINE, which');
  });
});

test('help lists the exit codes', async () => {
  expect(await run('migrate', '--help')).toBe(0);
  expect(out).toContain(
    '0 ok, 1 failed, 2 wrong usage, 3 found: pending changes (plan, status), drift or stray data (verify)',
  );
});

describe('new', () => {
  test.each(['postgres', 'minio'] as const)(
    'writes the next %s file, which lint finds unfinished',
    async (store) => {
      const args = ['--store', store, '--folder', folder.path];
      expect(await run('migrate', 'new', 'first', ...args)).toBe(0);
      expect(await run('migrate', 'new', 'add-notes', ...args, '--json')).toBe(0);
      const extension = store === 'postgres' ? 'sql' : 'json';
      const second = join(folder.path, `000002-add-notes.${extension}`);
      expect(out).toBe(
        `${join(folder.path, `000001-first.${extension}`)}\n${JSON.stringify({ file: second })}\n`,
      );
      out = '';
      expect(await run('migrate', 'lint', '--store', store, second)).toBe(3);
      expect(out).toMatch(
        /000002-add-notes\.(sql|json): error: The file has .* \[malformed\]\n1 finding in 1 file\.\n$/,
      );
    },
  );

  test('goes on after the highest number', async () => {
    folder.write({ '000041-a.sql': '', '000007-b.sql': '' });
    await run('migrate', 'new', 'c', '--store', 'postgres', '--folder', folder.path);
    expect(existsSync(join(folder.path, '000042-c.sql'))).toBe(true);
    expect(readFileSync(join(folder.path, '000042-c.sql'), 'utf8')).toContain('\n-- migrate:up\n');
  });
});

test('lint prints findings for people and as JSON, with exit code 3', async () => {
  folder.write({ '000001-a.sql': sqlChange('DROP TABLE a;') });
  const file = join(folder.path, '000001-a.sql');
  expect(await run('migrate', 'lint', '--store', 'postgres', file)).toBe(3);
  expect(out).toBe(
    `${file}:2: error: DROP TABLE loses data without a written reason. Say why it is safe in a line "-- destructive: <reason>", at least 15 characters. [destructive]\n1 finding in 1 file.\n`,
  );
  out = '';
  expect(await run('migrate', 'lint', '--store', 'postgres', '--json', file)).toBe(3);
  expect(JSON.parse(out)).toMatchObject({ files: 1, findings: [{ file, line: 2, rule: 'destructive' }] });
});

test('the whole project is without findings', async () => {
  expect(await run('migrate', 'lint')).toBe(0);
  expect(out).toMatch(/^0 findings in \d+ files\.\n$/);
});

describe('readStackPlace', () => {
  test('reads namespace, context, size and what is switched off', () => {
    folder.write({
      'Pulumi.test.yaml':
        'config:\n  agent-data-platform:namespace: data\n  agent-data-platform:kubeContext: there\n  agent-data-platform:size: prod\n  agent-data-platform:minio:\n    enabled: false\n  agent-data-platform:postgres:\n    instances: 1\n',
      'Pulumi.empty.yaml': '',
    });
    expect(readStackPlace('test', folder.path)).toEqual({
      namespace: 'data',
      context: 'there',
      size: 'prod',
      disabled: ['minio', 'chroma', 'vault'],
      redisMode: 'sentinel',
    });
    expect(readStackPlace('empty', folder.path)).toEqual({
      namespace: 'agent-data-platform',
      context: undefined,
      size: 'dev',
      disabled: ['chroma', 'vault'],
      redisMode: 'sentinel',
    });
    expect(() => readStackPlace('other', folder.path)).toThrow(
      'Stack "other" has no Pulumi.other.yaml; there are: empty, test.',
    );
  });
});

describe('the stores of a stack', () => {
  const stack = (text: string) => {
    folder.write({ 'Pulumi.test.yaml': `config:\n${text}` });
    return readStackPlace('test', folder.path);
  };

  test('a section may be JSON text, as `pulumi config set` writes it', () => {
    const place = stack(
      `  agent-data-platform:redis: '{"mode": "cluster"}'\n  agent-data-platform:chroma: '{"enabled": true}'\n  agent-data-platform:qdrant: '{"enabled": false}'\n`,
    );
    expect(place).toMatchObject({ redisMode: 'cluster', disabled: ['qdrant', 'vault'] });
  });

  test.each(['dev', 'prod'] as const)(
    'that size %s leaves out are those that the stack program leaves out',
    (size) => {
      const deployed: Partial<Record<StoreName, { sizes: Record<string, object> }>> = stores;
      const off = storeNames.filter(
        (name) => !deployed[name] || (deployed[name].sizes[size] as { enabled?: boolean }).enabled === false,
      );
      expect(vault.sizes[size].enabled).toBe(false);
      expect(stack(`  agent-data-platform:size: ${size}\n`).disabled).toEqual([...off, 'vault']);
      expect(stores.redis.sizes[size].mode).toBe('sentinel');
    },
  );

  test.each(['plan', 'up', 'status', 'verify', 'diagram'])(
    '%s refuses one that is switched off',
    async (name) => {
      const openStack = async () => stack('  agent-data-platform:minio:\n    enabled: false\n');
      const args = ['migrate', name, '--store', 'minio', '--stack', 'test'];
      expect(await runCommand(args, { io, openStack })).toBe(2);
      expect(notes).toBe(
        'error: The stack "test" has no minio: minio.enabled is false, in Pulumi.test.yaml or as the default of its size. Set it to true and run up first.\n',
      );
    },
  );
});

describe('findPlaces', () => {
  test('leaves out what is switched off and says so', async () => {
    const skipped: string[] = [];
    const openStack = async () =>
      ({ namespace: 'data', size: 'dev', disabled: ['minio', 'chroma', 'elasticsearch'] }) as const;
    const options = { stack: 'dev', database: 'platform' };
    const places = await findPlaces(options, openStack, (store) => skipped.push(store));
    expect(places.map(({ store }) => store)).toEqual(['postgres', 'redis', 'neo4j', 'oxigraph', 'qdrant']);
    expect(skipped).toEqual(['minio', 'chroma', 'elasticsearch']);
  });
});

describe('readSeedFiles', () => {
  const at = 'migrations/postgres/seed/dev';
  const seeds = (files: Record<string, string>) => {
    rmSync(folder.path, { recursive: true });
    mkdirSync(join(folder.path, at), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, at, name), text);
    return () => readSeedFiles('postgres', 'dev', folder.path);
  };

  test('in order, with their statements and lines', () => {
    const read = seeds({
      '002-b.sql': 'SELECT 3;\r\n',
      '001-a.sql': '-- People.\nSELECT 1;\n\nSELECT 2;',
      'README.md': 'x',
    });
    expect(read()).toEqual([
      {
        file: `${at}/001-a.sql`,
        statements: [
          { text: 'SELECT 1', line: 2 },
          { text: 'SELECT 2', line: 4 },
        ],
      },
      { file: `${at}/002-b.sql`, statements: [{ text: 'SELECT 3', line: 1 }] },
    ]);
    expect(readSeedFiles('postgres', 'nowhere', folder.path)).toEqual([]);
  });

  test('a wrong name and text that cannot be split name the file', () => {
    expect(seeds({ '1-a.sql': 'SELECT 1;' })).toThrow(
      `${at}/1-a.sql is no seed file; name it NNN-<slug>.sql.`,
    );
    expect(seeds({ '001-a.sql': "SELECT 'open" })).toThrow(
      `${at}/001-a.sql opens a string that never ends (line 1). Correct that line.`,
    );
    expect(seeds({ '001-a.sql': 'COMMIT;' })).toThrow(
      `${at}/001-a.sql has "COMMIT" on line 1, but transactions`,
    );
  });
});
