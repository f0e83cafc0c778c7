import * as fs from 'node:fs';
import * as path from 'node:path';
import { cloudNativePgManifest, versions } from '../components/versions';
import { cloudNativePgManifestFromModule } from './images';
import { cacheRoot } from './paths';
import { note } from './progress';
import { download, Unreachable } from './toolchain/download';

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
    const actual = await cloudNativePgManifestFromModule();
    if (actual === sha256) return;
    throw new Error(
      `The CloudNativePG ${versions.cloudNativePg} manifest of the Go module has SHA-256 ${actual}, expected ${sha256}.`,
    );
  }
}
