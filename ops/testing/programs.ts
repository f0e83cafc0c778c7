/** Programs of the stores' images for tests on this machine, which has others or none. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { images } from '../../components/versions';
import { cached } from '../../local/cache';
import { imageArchive, imageVersion } from '../../local/images';
import { run } from '../../local/process';

/** The rest of an image is of no use outside of it. */
const NEEDED = ['*/usr/lib/*-linux-gnu/*', '*/usr/lib/postgresql/*/bin/*', '*/usr/bin/redis-*'];
const NOT_NEEDED = ['*libLLVM*', '*/perl*', '*/gconv/*'];

/** Puts `pg_dump`, `pg_restore` and `psql` of the server's version on the PATH of this process. */
export function usePostgresPrograms(): Promise<void> {
  return use(images.postgres, ['pg_dump', 'pg_restore', 'psql']);
}

/** Puts `redis-server` of the server's version on the PATH of this process. */
export function useRedisPrograms(): Promise<void> {
  return use(images.redis, ['redis-server']);
}

async function use(reference: string, programs: readonly string[]): Promise<void> {
  const key = { name: `programs/${programs[0]}`, version: imageVersion(reference) };
  const folder = await cached(key, `Unpacking ${programs.join(', ')}`, (dir) =>
    unpack(reference, programs, dir),
  );
  process.env.PATH = [join(folder, 'bin'), process.env.PATH].join(delimiter);
}

async function unpack(reference: string, programs: readonly string[], dir: string): Promise<void> {
  const layout = join(dir, 'layout');
  const root = join(dir, 'root');
  for (const folder of [layout, root, join(dir, 'bin')]) mkdirSync(folder);
  await run('tar', ['--extract', '--file', await imageArchive(reference), '--directory', layout]);
  const blob = (digest: string) => join(layout, 'blobs', ...digest.split(':'));
  const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
  const manifest: { layers: { digest: string }[] } = json(
    blob(json(join(layout, 'index.json')).manifests[0].digest),
  );
  for (const { digest } of manifest.layers) await extract(blob(digest), root);
  await run('rm', ['--recursive', layout]);
  for (const program of programs) writeStarter(dir, root, program);
}

async function extract(layer: string, root: string): Promise<void> {
  const { stdout } = await run('tar', ['--list', '--file', layer]);
  const matches = (patterns: readonly string[]) => {
    const forms = patterns.map(
      (pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`),
    );
    return (name: string) => forms.some((form) => form.test(name));
  };
  const [isNeeded, isNot] = [matches(NEEDED), matches(NOT_NEEDED)];
  const names = stdout.split('\n').filter((name) => !name.endsWith('/') && isNeeded(name) && !isNot(name));
  if (names.length === 0) return;
  const input = names.join('\n');
  await run('tar', ['--extract', '--file', layer, '--directory', root, '--files-from=-'], { input });
}

/** A script that starts a program with the libraries that it was built for. */
function writeStarter(dir: string, root: string, program: string): void {
  const libraries = readdirSync(join(root, 'usr/lib')).find((name) => name.endsWith('-linux-gnu'))!;
  const loader = readdirSync(join(root, 'usr/lib', libraries)).find((name) =>
    /^ld-linux.*\.so\.\d+$/.test(name),
  )!;
  const majors = program.startsWith('redis') ? [] : readdirSync(join(root, 'usr/lib/postgresql'));
  const folder = majors.length > 0 ? `usr/lib/postgresql/${majors[0]}/bin` : 'usr/bin';
  const script = [
    '#!/bin/sh',
    'root=$(dirname -- "$0")/../root',
    `exec "$root/usr/lib/${libraries}/${loader}" --library-path "$root/usr/lib/${libraries}" "$root/${folder}/${program}" "$@"`,
    '',
  ].join('\n');
  writeFileSync(join(dir, 'bin', program), script);
  chmodSync(join(dir, 'bin', program), 0o755);
}
