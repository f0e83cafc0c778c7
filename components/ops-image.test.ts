import { build } from 'esbuild';
import { existsSync } from 'node:fs';
import { opsImageName, opsSource, opsSources } from './ops-image';

test('the tag changes with everything that the command is made of', async () => {
  expect(opsImageName()).toMatch(/^agent-data-platform\/ops:[0-9a-f]{12}$/);
  const { metafile } = await build({
    entryPoints: ['ops/main.ts'],
    bundle: true,
    platform: 'node',
    external: ['pg-native'],
    write: false,
    metafile: true,
    outdir: 'unused',
    logLevel: 'error',
  });
  const own = Object.keys(metafile.inputs).filter((file) => !file.startsWith('node_modules/'));
  expect(own).toContain('ops/stores/postgres.ts');
  expect(own.filter((file) => !opsSources().includes(file))).toEqual([]);
  expect(opsSources()).toEqual(expect.arrayContaining(['package-lock.json', 'ops/image/Dockerfile']));
  const ofPostgres = opsSources().filter((file) => file.startsWith('migrations/postgres/'));
  expect(ofPostgres).toContain('migrations/postgres/platform/invariants/history-has-no-gap.sql');
  expect(ofPostgres.filter((file) => !file.includes('/invariants/'))).toEqual([]);
  expect(opsSources().filter((file) => /\.test\.ts$/.test(file))).toEqual([]);
});

test('what the build needs exists', () => {
  expect(existsSync(opsSource.dockerfile)).toBe(true);
});
