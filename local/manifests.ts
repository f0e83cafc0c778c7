import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { cloudNativePgManifest, versions } from '../components/versions';
import { goModuleSource } from './go-build';
import { cacheRoot } from './paths';
import { note } from './progress';
import { download, Unreachable } from './toolchain/download';
import { goBuilds } from './versions';

/** Puts the CloudNativePG release manifest where the program looks first: downloaded, else out of the Go module. */
export async function ensureCloudNativePgManifest(): Promise<void> {
  const { url, sha256 } = cloudNativePgManifest;
  const file = path.join(cacheRoot(), 'manifests', `${sha256}.yaml`);
  if (fs.existsSync(file)) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  try {
    await download(url, sha256, file);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    note(`${error.message} Taking the same manifest from the Go module.`);
    await copyFromModule(sha256, file);
  }
}

async function copyFromModule(sha256: string, file: string): Promise<void> {
  const module = await goModuleSource(
    goBuilds.cloudNativePg.name,
    'github.com/cloudnative-pg/cloudnative-pg',
  );
  const content = fs.readFileSync(path.join(module, 'releases', `cnpg-${versions.cloudNativePg}.yaml`));
  const actual = createHash('sha256').update(content).digest('hex');
  if (actual !== sha256)
    throw new Error(
      `The CloudNativePG ${versions.cloudNativePg} manifest of the Go module has SHA-256 ${actual}, expected ${sha256}.`,
    );
  fs.writeFileSync(`${file}.${process.pid}`, content);
  fs.renameSync(`${file}.${process.pid}`, file);
}
