import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { waitFor } from '../process';
import { forgetPendingOperations, releaseStaleLocks, removeTornAttributes } from './recovery';

/** Above every Linux pid. */
const NO_PROCESS = 2 ** 22 + 1;

// Each test starts processes, which is slow on a busy machine.

let folder: string;
let target: Parameters<typeof releaseStaleLocks>[0];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'recovery-'));
  const pulumi = path.join(folder, 'pulumi');
  const script = `#!/bin/sh
echo "$*" >> ${folder}/calls
case "$*" in
  wait) sleep 60 ;;
  "stack export"*) cat ${folder}/export.json ;;
  "stack import"*) cat > ${folder}/import.json ;;
esac
`;
  fs.writeFileSync(pulumi, script, { mode: 0o755 });
  target = { pulumi, folder, stack: 'dev', cwd: folder, env: {} };
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

const calls = () => {
  const file = path.join(folder, 'calls');
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\n') : [];
};

const lock = (pid: number, hostname = os.hostname()) => {
  const locks = path.join(folder, '.pulumi', 'locks', 'organization', 'agent-data-platform', 'dev');
  fs.mkdirSync(locks, { recursive: true });
  const content = { pid, username: 'me', hostname, timestamp: '2026-01-02T03:04:05Z' };
  fs.writeFileSync(path.join(locks, `${pid}.json`), JSON.stringify(content));
  fs.writeFileSync(path.join(locks, `${pid}.json.attrs`), '{}');
};

test('attributes that a killed Pulumi left half-written are deleted, and nothing else', () => {
  const stacks = path.join(folder, '.pulumi', 'stacks', 'agent-data-platform');
  fs.mkdirSync(stacks, { recursive: true });
  const files = {
    'dev.json': '{',
    'dev.json.attrs': '',
    'dev.json.bak.attrs': '{"a":',
    'prod.json.attrs': '{}',
  };
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(stacks, name), text);
  removeTornAttributes(folder);
  expect(fs.readdirSync(stacks).sort()).toEqual(['dev.json', 'prod.json.attrs']);
  removeTornAttributes(path.join(folder, 'nothing-there'));
});

describe('releaseStaleLocks', () => {
  test('does nothing without a lock', async () => {
    await releaseStaleLocks(target);
    expect(calls()).toEqual([]);
  });

  test('cancels the lock of a dead process', async () => {
    lock(NO_PROCESS);
    await releaseStaleLocks(target);
    expect(calls()).toEqual(['cancel dev --yes --non-interactive']);
  });

  test('cancels a lock whose pid now belongs to another program', async () => {
    lock(process.pid);
    await releaseStaleLocks(target);
    expect(calls()).toEqual(['cancel dev --yes --non-interactive']);
  });

  test('leaves a live Pulumi alone, and says who it is', async () => {
    const child = spawn(target.pulumi, ['wait'], { detached: true });
    try {
      await waitFor(() => (calls().length > 0 ? true : undefined), 10_000);
      lock(child.pid!);
      await expect(releaseStaleLocks(target)).rejects.toThrow(
        `Process ${child.pid} on ${os.hostname()} has been working on stack dev since 2026-01-02T03:04:05Z. Wait for it to end`,
      );
      expect(calls()).toEqual(['wait']);
    } finally {
      process.kill(-child.pid!, 'SIGKILL');
    }
  });

  test('leaves a lock of another machine alone', async () => {
    lock(NO_PROCESS, 'elsewhere');
    await expect(releaseStaleLocks(target)).rejects.toThrow('run: pulumi cancel dev');
    expect(calls()).toEqual([]);
  });
});

describe('forgetPendingOperations', () => {
  const state = (text: string) => {
    const stacks = path.join(folder, '.pulumi', 'stacks', 'agent-data-platform');
    fs.mkdirSync(stacks, { recursive: true });
    fs.writeFileSync(path.join(stacks, 'dev.json'), text);
  };

  test('does nothing when no operation is pending', async () => {
    await forgetPendingOperations(target);
    state('{"checkpoint":{"latest":{"resources":[]}}}');
    await forgetPendingOperations(target);
    expect(calls()).toEqual([]);
  });

  test('imports the same state without them', async () => {
    state('{"checkpoint":{"latest":{"pending_operations":[{"type":"creating"}]}}}');
    const resources = [{ urn: 'urn:a' }];
    const deployment = { resources, pending_operations: [{ type: 'creating' }] };
    fs.writeFileSync(path.join(folder, 'export.json'), JSON.stringify({ version: 3, deployment }));
    await forgetPendingOperations(target);
    expect(calls()).toEqual(['stack export --stack dev', 'stack import --stack dev --non-interactive']);
    expect(JSON.parse(fs.readFileSync(path.join(folder, 'import.json'), 'utf8'))).toEqual({
      version: 3,
      deployment: { resources },
    });
  });
});
