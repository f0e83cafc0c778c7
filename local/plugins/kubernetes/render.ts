import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { stringify } from 'yaml';
import type { PlainProperties } from '../marshalling';

/** Keeps one YAML file per object in a directory, CRDs apart so that they can be applied first. */
export class YamlDirectory {
  constructor(private readonly directory: string) {}

  /** Writes the object's file; secrets are in it in clear, so only the user may read it. */
  async write(object: PlainProperties): Promise<void> {
    const file = this.fileOf(object);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, stringify(object, { lineWidth: 0 }), { mode: 0o600 });
  }

  /** Removes the object's file, if there is one. */
  async remove(object: PlainProperties): Promise<void> {
    await fs.rm(this.fileOf(object), { force: true });
  }

  /** Whether the object's file exists. */
  async has(object: PlainProperties): Promise<boolean> {
    return fs.access(this.fileOf(object)).then(
      () => true,
      () => false,
    );
  }

  private fileOf({ apiVersion, kind, metadata }: PlainProperties): string {
    const folder = kind === 'CustomResourceDefinition' ? '0-crd' : '1-manifest';
    const group = String(apiVersion).replaceAll('/', '_');
    const name = [group, kind, metadata.namespace ?? 'default', metadata.name].join('-').toLowerCase();
    return path.join(this.directory, folder, `${name.replaceAll(/[^a-z0-9._-]/g, '_')}.yaml`);
  }
}
