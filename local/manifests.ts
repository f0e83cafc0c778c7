import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  barmanCloudDefinitions,
  cloudNativePgManifest,
  eckDefinitions,
  versions,
} from '../components/versions';
import {
  barmanCloudDefinitionsFromModule,
  cloudNativePgManifestFromModule,
  eckDefinitionsFromModule,
} from './images';
import { cacheRoot } from './paths';
import { note } from './progress';
import { download, Unreachable } from './toolchain/download';

/** A manifest that the program applies, and the same bytes in a Go module. */
interface Manifest {
  readonly what: string;
  readonly url: string;
  readonly sha256: string;
  /** Caches the module's copy; its SHA-256. */
  fromModule(): Promise<string>;
}

/** Puts what the operators' components apply where the program looks first: downloaded, else out of the Go modules. */
export async function ensureOperatorManifests(): Promise<void> {
  await ensureCloudNativePgManifest();
  await ensureBarmanCloudDefinitions();
  await ensureEckDefinitions();
}

function ensureCloudNativePgManifest(): Promise<void> {
  const what = `CloudNativePG ${versions.cloudNativePg} manifest`;
  return ensureManifest({ what, ...cloudNativePgManifest, fromModule: cloudNativePgManifestFromModule });
}

/** The CustomResourceDefinition alone; the plugin itself is declared by its component. */
function ensureBarmanCloudDefinitions(): Promise<void> {
  const what = `Barman Cloud plugin ${versions.barmanCloudPlugin} definitions file`;
  return ensureManifest({ what, ...barmanCloudDefinitions, fromModule: barmanCloudDefinitionsFromModule });
}

/** CustomResourceDefinitions alone; the operator itself is declared by its component. */
function ensureEckDefinitions(): Promise<void> {
  const what = `ECK ${versions.eck} definitions file`;
  return ensureManifest({ what, ...eckDefinitions, fromModule: eckDefinitionsFromModule });
}

async function ensureManifest({ what, url, sha256, fromModule }: Manifest): Promise<void> {
  const file = path.join(cacheRoot(), 'manifests', `${sha256}.yaml`);
  if (fs.existsSync(file)) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  try {
    await download(url, sha256, file);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    note(`${error.message} Taking the same manifest from the Go module.`);
    const actual = await fromModule();
    if (actual === sha256) return;
    throw new Error(`The ${what} of the Go module has SHA-256 ${actual}, expected ${sha256}.`);
  }
}
