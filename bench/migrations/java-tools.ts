/** The tools written in Java: Maven fetches them, the machine's JDK runs them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mavenDependencies } from '../../local/maven';
import { onPath, run } from '../../local/process';
import { UserError } from '../../local/user-error';
import { type BenchDatabase, pad, type Tool, writeEach } from './tool';

const OLDEST_JAVA = 17;

/** @see https://documentation.red-gate.com/flyway */
export async function flyway(): Promise<Tool> {
  const start = await javaCommand('flyway', 'org.flywaydb.commandline.Main');
  return {
    name: 'flyway',
    kind: 'other',
    write: (folder, changes) =>
      writeEach(folder, changes, (change) => [`V${pad(change)}__${change.name}.sql`, change.up]),
    invoke: (folder, database) => ({
      ...start(
        `-url=${jdbcUrl(database)}`,
        `-user=${database.env.PGUSER}`,
        `-locations=filesystem:${folder}`,
        '-skipCheckForUpdate',
        'migrate',
      ),
      cwd: folder,
      env: { FLYWAY_PASSWORD: database.env.PGPASSWORD!, REDGATE_DISABLE_TELEMETRY: 'true' },
    }),
  };
}

/** @see https://docs.liquibase.com */
export async function liquibase(): Promise<Tool> {
  const start = await javaCommand('liquibase', 'liquibase.integration.commandline.LiquibaseCommandLine');
  return {
    name: 'liquibase',
    kind: 'other',
    write(folder, changes) {
      writeEach(join(folder, 'changes'), changes, (change) => [
        `${pad(change)}_${change.name}.sql`,
        `--liquibase formatted sql\n--changeset bench:${pad(change)}\n${change.up}--rollback ${change.down}`,
      ]);
      const changelog = 'databaseChangeLog:\n  - includeAll:\n      path: changes/\n';
      writeFileSync(join(folder, 'changelog.yaml'), changelog);
    },
    invoke: (folder, database) => ({
      ...start(
        `--search-path=${folder}`,
        '--show-banner=false',
        'update',
        '--changelog-file=changelog.yaml',
        `--url=${jdbcUrl(database)}`,
        `--username=${database.env.PGUSER}`,
      ),
      cwd: folder,
      env: { LIQUIBASE_COMMAND_PASSWORD: database.env.PGPASSWORD!, LIQUIBASE_ANALYTICS_ENABLED: 'false' },
    }),
  };
}

/** Command line of a class in the jars of `local/maven/<name>`. */
async function javaCommand(name: string, mainClass: string) {
  const java = await javaPath();
  const jars = await mavenDependencies(name);
  return (...args: string[]) => ({ command: java, args: ['-cp', join(jars, '*'), mainClass, ...args] });
}

/** @throws UserError when there is no Java that the tools run on. */
async function javaPath(): Promise<string> {
  const fix = `Install a JDK of version ${OLDEST_JAVA} or newer.`;
  const java = onPath('java');
  if (!java) throw new UserError('There is no Java on PATH.', fix);
  const version = /version "(\d+)/.exec((await run(java, ['-version'])).stderr)?.[1] ?? 'unknown';
  if (!(Number(version) >= OLDEST_JAVA)) throw new UserError(`The version of Java is ${version}.`, fix);
  return java;
}

function jdbcUrl({ env }: BenchDatabase): string {
  return `jdbc:postgresql://${env.PGHOST}:${env.PGPORT}/${env.PGDATABASE}`;
}
