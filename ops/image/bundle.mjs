/** Puts the command `platform` into one file, and the invariants into a folder beside it: node ops/image/bundle.mjs FILE */
import { build } from 'esbuild';
import { cpSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [outfile] = process.argv.slice(2);
if (!outfile) throw new Error('Usage: node ops/image/bundle.mjs FILE');
await build({
  entryPoints: [fileURLToPath(new URL('../main.ts', import.meta.url))],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node22',
  // Of pg, and only where it is installed.
  external: ['pg-native'],
  legalComments: 'eof',
  logLevel: 'warning',
});

const migrations = fileURLToPath(new URL('../../migrations', import.meta.url));
for (const { parentPath, name } of readdirSync(migrations, { recursive: true, withFileTypes: true }))
  if (name === 'invariants' && parentPath !== migrations)
    cpSync(
      join(parentPath, name),
      join(dirname(outfile), 'invariants', parentPath.slice(migrations.length), name),
      {
        recursive: true,
      },
    );
