import * as fs from 'node:fs';
import * as path from 'node:path';
import { GO_VERSION, isRecent } from './go-toolchain';
import { projectRoot } from './paths';
import { goBuilds } from './versions';

test.each([
  ['go1.26.4', true],
  ['go1.26.8', true],
  ['go1.27rc1', true],
  ['go2.0', true],
  ['go1.26.3', false],
  ['go1.25.11', false],
  ['', false],
])('Go "%s" is recent enough: %s', (version, expected) => expect(isRecent(version)).toBe(expected));

test('no wrapper module asks for a newer Go than the one that is fetched', () => {
  for (const { name } of Object.values(goBuilds)) {
    const goMod = fs.readFileSync(path.join(projectRoot(), 'local/go', name, 'go.mod'), 'utf8');
    const needed = /^go (\S+)$/m.exec(goMod)?.[1] ?? 'none';
    expect([name, needed, needed === GO_VERSION || !isRecent(needed)]).toEqual([name, needed, true]);
  }
});
