/** Puts the command `platform` and everything that it needs into one file: node ops/image/bundle.mjs FILE */
import { build } from 'esbuild';
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
