import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { images, versions } from '../../components/versions';
import { goModuleSource } from '../go-build';
import { cacheRoot } from '../paths';
import { goBuilds } from '../versions';

/**
 * Copies CloudNativePG's release manifest out of its Go module into the cache, as `manifests/<sha256>.yaml`.
 * @returns The manifest's sha256, in hexadecimal.
 * @throws Error when the manifest runs other images than components/versions.ts names.
 */
export async function cloudNativePgManifestFromModule(): Promise<string> {
  const module = await goModuleSource(
    goBuilds.cloudNativePg.name,
    'github.com/cloudnative-pg/cloudnative-pg',
  );
  const file = path.join(module, 'releases', `cnpg-${versions.cloudNativePg}.yaml`);
  const content = fs.readFileSync(file);
  const others = workloadImages(content.toString('utf8')).filter((image) => image !== images.cloudNativePg);
  if (others.length > 0)
    throw new Error(
      `${file} runs ${others.join(', ')}, and components/versions.ts names ${images.cloudNativePg}.`,
    );
  return cacheManifest(content);
}

/**
 * Copies the CustomResourceDefinitions of ECK out of its Go module into the cache, as `manifests/<sha256>.yaml`.
 * @returns The file's sha256, in hexadecimal.
 */
export async function eckDefinitionsFromModule(): Promise<string> {
  const module = await goModuleSource(goBuilds.eck.name, 'github.com/elastic/cloud-on-k8s/v3');
  return cacheManifest(fs.readFileSync(path.join(module, 'config/crds/v1/all-crds.yaml')));
}

/**
 * Copies the CustomResourceDefinition of the Barman Cloud plugin out of its Go module into the cache, as `manifests/<sha256>.yaml`.
 * @returns The file's sha256, in hexadecimal.
 */
export async function barmanCloudDefinitionsFromModule(): Promise<string> {
  const module = await goModuleSource(
    goBuilds.barmanCloudPlugin.name,
    'github.com/cloudnative-pg/plugin-barman-cloud',
  );
  const file = 'config/crd/bases/barmancloud.cnpg.io_objectstores.yaml';
  return cacheManifest(fs.readFileSync(path.join(module, file)));
}

function cacheManifest(content: Buffer): string {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const target = path.join(cacheRoot(), 'manifests', `${sha256}.yaml`);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(`${target}.${process.pid}`, content);
  fs.renameSync(`${target}.${process.pid}`, target);
  return sha256;
}

/** Image references in a manifest: of containers, and of what the operator hands to its own pods. */
export function workloadImages(manifest: string): string[] {
  const lines = manifest.split('\n').map((line) => line.trim().replace(/^- /, ''));
  const references = lines.flatMap((line, index) => {
    const image = /^image: (\S+)$/.exec(line)?.[1];
    const variable =
      line === 'name: OPERATOR_IMAGE_NAME' ? /^value: (\S+)$/.exec(lines[index + 1] ?? '')?.[1] : undefined;
    return image ?? variable ?? [];
  });
  return [...new Set(references)];
}
