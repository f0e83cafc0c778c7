import * as fs from 'node:fs';
import * as path from 'node:path';
import { mavenVersion } from './maven';
import { projectRoot } from './paths';

const folder = path.join(projectRoot(), 'local/maven');
const projects = fs.readdirSync(folder);
const pom = (name: string) => fs.readFileSync(path.join(folder, name, 'pom.xml'), 'utf8');

test.each(projects)('the pom of %s pins every version and names no host', (name) => {
  const dependencies = pom(name).match(/<dependency>[\s\S]*?<\/dependency>/g) ?? [];
  expect(dependencies.length).toBeGreaterThan(0);
  for (const dependency of dependencies) expect(dependency).toMatch(/<version>\d[\w.-]*<\/version>/);
  expect(pom(name)).not.toMatch(/SNAPSHOT|<repositor|<url>/);
});

test('each pom has a cache version of its own', () => {
  const found = projects.map(mavenVersion);
  expect(new Set(found).size).toBe(projects.length);
  for (const version of found) expect(version).toMatch(/^[0-9a-f]{20}$/);
  expect(() => mavenVersion('missing')).toThrow(/ENOENT.*missing/);
});
