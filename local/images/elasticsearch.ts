import * as fs from 'node:fs';
import * as path from 'node:path';
import { versions } from '../../components/versions';
import { hash } from '../go-build';
import { mavenDependencies, mavenVersion } from '../maven';
import { installDebianPackages } from '../one-node/host';
import { projectRoot } from '../paths';
import { onPath, run } from '../process';
import type { ImageFiles } from './recipes';

/** Raised when the code below changes what is in the image. */
const LAYOUT = '3';
const HOME = 'usr/share/elasticsearch';
const STAND_IN = path.join(projectRoot(), 'local/java/elasticsearch-modules-stand-in');
/** User and group of the official image. */
const UID = 1000;
const GID = 0;

/** The official image's entry point, for what its pods use of it. */
const ENTRYPOINT = `#!/bin/bash
set -euo pipefail
if [[ "\${1:-}" == eswrapper ]]; then
  exec /usr/share/elasticsearch/bin/elasticsearch
fi
exec "$@"
`;

/** The Elasticsearch server with the stand-in for the modules that no package registry has, laid out as the official image. */
export const elasticsearchFiles: ImageFiles = {
  version: hash([LAYOUT, mavenVersion('elasticsearch'), ENTRYPOINT, ...standInSources().map(read)]),
  async add(root) {
    const missing = ['unzip', 'zip'].filter((command) => !onPath(command));
    if (missing.length > 0) await installDebianPackages(missing);
    const maven = await mavenDependencies('elasticsearch');
    const home = path.join(root, HOME);
    await unpack(path.join(maven, `elasticsearch-${versions.elasticsearch}.zip`), path.dirname(home));
    fs.renameSync(`${home}-${versions.elasticsearch}`, home);
    await addStandIn(home, maven);
    await lowerDescriptorCheck(home);
    finish(root, home);
    await run('chown', ['--recursive', `${UID}:${GID}`, home]);
    await run('chmod', ['--recursive', 'g=u', home]);
  },
};

async function unpack(archive: string, folder: string): Promise<void> {
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
  await run('unzip', ['-q', archive, '-d', folder]);
}

/** Compiles the stand-in with the Java that Maven runs on; the class files are for the image's. */
async function addStandIn(home: string, maven: string): Promise<void> {
  const module = path.join(home, 'modules', 'modules-stand-in');
  const libraries = [path.join(home, 'lib'), path.join(home, 'modules/x-pack-core'), maven].flatMap(jars);
  const compiler = libraries.find((file) => path.basename(file).startsWith('ecj-'))!;
  const sources = standInSources().filter((file) => file.endsWith('.java'));
  // Without a jar around them the server would not find the classes.
  const classes = path.join(home, 'classes');
  await run('java', [
    ...['-jar', compiler, '-source', '21', '-target', '21', '-nowarn', '-proc:none'],
    ...['-cp', libraries.join(':'), '-d', classes, ...sources],
  ]);
  fs.cpSync(path.join(STAND_IN, 'META-INF'), path.join(classes, 'META-INF'), { recursive: true });
  fs.mkdirSync(module);
  await run('zip', ['-q', '-r', path.join(module, 'modules-stand-in.jar'), '.'], { cwd: classes });
  fs.rmSync(classes, { recursive: true });
  const template = path.basename(libraries.find((file) => path.basename(file).startsWith('compiler-'))!);
  fs.copyFileSync(path.join(maven, template), path.join(module, template));
  const descriptor = read(path.join(STAND_IN, 'plugin-descriptor.properties'));
  fs.writeFileSync(
    path.join(module, 'plugin-descriptor.properties'),
    `${descriptor}elasticsearch.version=${versions.elasticsearch}\n`,
  );
}

/**
 * Machines whose root may not raise limits cannot give a pod the 65535 file descriptors that the server insists on, and
 * which a cluster of a test never comes near: here it insists on 16384.
 */
async function lowerDescriptorCheck(home: string): Promise<void> {
  const jar = path.join(home, 'lib', `elasticsearch-${versions.elasticsearch}.jar`);
  const entry = 'org/elasticsearch/bootstrap/BootstrapChecks$FileDescriptorCheck.class';
  const folder = path.join(home, 'patch');
  await run('unzip', ['-q', jar, entry, '-d', folder]);
  const file = path.join(folder, entry);
  const code = fs.readFileSync(file);
  // An integer of the class's constant pool: tag 3 and four bytes.
  const at = code.indexOf(Buffer.from([3, 0, 0, 0xff, 0xff]));
  if (at === -1)
    throw new Error(`${entry} of Elasticsearch ${versions.elasticsearch} no longer checks for 65535.`);
  code.writeInt32BE(16_384, at + 1);
  fs.writeFileSync(file, code);
  await run('zip', ['-q', jar, entry], { cwd: folder });
  fs.rmSync(folder, { recursive: true });
}

function finish(root: string, home: string): void {
  for (const folder of ['data', 'logs', 'plugins', 'config/jvm.options.d'])
    fs.mkdirSync(path.join(home, folder), { recursive: true });
  fs.symlinkSync(
    `/usr/lib/jvm/java-21-openjdk-${process.arch === 'x64' ? 'amd64' : process.arch}`,
    path.join(home, 'jdk'),
  );
  const environment = path.join(home, 'bin/elasticsearch-env');
  fs.writeFileSync(
    environment,
    read(environment).replace('ES_DISTRIBUTION_TYPE=zip', 'ES_DISTRIBUTION_TYPE=docker'),
  );
  const entrypoint = path.join(root, 'usr/local/bin/docker-entrypoint.sh');
  fs.mkdirSync(path.dirname(entrypoint), { recursive: true, mode: 0o755 });
  fs.writeFileSync(entrypoint, ENTRYPOINT);
  fs.chmodSync(entrypoint, 0o755);
}

function standInSources(): string[] {
  const files = fs.readdirSync(STAND_IN, { recursive: true, withFileTypes: true });
  return files
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

function jars(folder: string): string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.jar'))
    .map((name) => path.join(folder, name));
}

function read(file: string): string {
  return fs.readFileSync(file, 'utf8');
}
