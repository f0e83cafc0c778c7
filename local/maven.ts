import * as fs from 'node:fs';
import * as path from 'node:path';
import { cached } from './cache';
import { hash } from './go-build';
import { installDebianPackages } from './one-node/host';
import { projectRoot } from './paths';
import { onPath, run } from './process';
import { UserError } from './user-error';

const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/**
 * Folder with every runtime file (jar, zip) that `local/maven/<name>/pom.xml` asks for, with all dependencies; fetched
 * once per pom, from where Maven's own user settings say.
 * @throws UserError when there is no Maven and none can be installed.
 * @see https://maven.apache.org/plugins/maven-dependency-plugin/copy-dependencies-mojo.html
 */
export async function mavenDependencies(name: string): Promise<string> {
  const key = { name: `maven/${name}`, version: mavenVersion(name) };
  return cached(key, `Fetching the Maven artifacts of ${name}`, async (dir, report) => {
    await run(
      await mavenCommand(),
      [
        '--batch-mode',
        '--no-transfer-progress',
        '--file',
        pomFile(name),
        COPY_DEPENDENCIES,
        '-DincludeScope=runtime',
        `-DoutputDirectory=${dir}`,
      ],
      // The project's folder is not Maven's to write to.
      { cwd: dir, report },
    );
  });
}

/** Changes with what {@link mavenDependencies} fetches. */
export function mavenVersion(name: string): string {
  return hash([fs.readFileSync(pomFile(name), 'utf8')]);
}

function pomFile(name: string): string {
  return path.join(projectRoot(), 'local', 'maven', name, 'pom.xml');
}

async function mavenCommand(): Promise<string> {
  const found = onPath('mvn');
  if (found) return found;
  if (process.getuid?.() === 0 && onPath('apt-get')) await installDebianPackages(['maven']);
  const installed = onPath('/usr/bin/mvn');
  if (installed) return installed;
  throw new UserError(
    'Maven is needed to fetch Java artifacts, and this machine has none.',
    'Install Maven 3.8 or newer and put it on PATH, then run the command again.',
  );
}
