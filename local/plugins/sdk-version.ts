import * as fs from 'node:fs';

/** Version of an installed Pulumi SDK package, which a stand-in plugin reports as its own. */
export function sdkVersion(packageName: string): string {
  const manifest = fs.readFileSync(require.resolve(`${packageName}/package.json`), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
