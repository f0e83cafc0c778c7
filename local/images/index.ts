import * as fs from 'node:fs';
import * as path from 'node:path';
import { cached } from '../cache';
import { goBinary, goBuildVersion, hash } from '../go-build';
import { UserError } from '../user-error';
export {
  barmanCloudDefinitionsFromModule,
  cloudNativePgManifestFromModule,
  eckDefinitionsFromModule,
} from './manifest';
import { baseVersion, debianLayers } from './debian';
import { packLayer, writeArchive, type Layer } from './oci';
import { recipes, type Recipe } from './recipes';

/** Raised when the way images are made changes in a way that recipes do not show. */
const FORMAT = '1';

/**
 * Path of an image as an OCI archive in the cache, built when missing.
 * @param reference One of the references in components/versions.ts or of the cluster's add-ons.
 * @throws UserError for any other reference.
 */
export async function imageArchive(reference: string): Promise<string> {
  const recipe = recipeOf(reference);
  const name = `images/${reference.split('/').at(-1)?.split(':')[0]}`;
  const version = imageVersion(reference);
  const dir = await cached({ name, version }, `Building image ${reference}`, async (folder, report) => {
    const addFiles = async (root: string) => {
      await addBinaries(recipe, root);
      await recipe.files?.add(root, report);
    };
    const layers =
      recipe.base === 'debian'
        ? await debianLayers(recipe, folder, report, addFiles)
        : await scratchLayers(folder, addFiles);
    await writeArchive(path.join(folder, 'image.tar'), reference, layers, recipe.config);
    fs.rmSync(path.join(folder, 'layer.tar'), { force: true });
  });
  return path.join(dir, 'image.tar');
}

/** Hash of everything that an image is made of, known without building it. */
export function imageVersion(reference: string): string {
  const recipe = recipeOf(reference);
  const parts = [FORMAT, reference, JSON.stringify(recipe), process.arch];
  if (recipe.base === 'debian') parts.push(baseVersion);
  if (recipe.build) parts.push(goBuildVersion(recipe.build));
  return hash(parts);
}

function recipeOf(reference: string): Recipe {
  const recipe = recipes[reference];
  if (recipe) return recipe;
  throw new UserError(
    `There is no recipe for the image "${reference}".`,
    `Use one of: ${Object.keys(recipes).join(', ')}.`,
  );
}

async function scratchLayers(dir: string, addFiles: (root: string) => Promise<void>): Promise<Layer[]> {
  const root = path.join(dir, 'root');
  fs.mkdirSync(root, { mode: 0o755 });
  await addFiles(root);
  const layer = await packLayer(root, path.join(dir, 'layer.tar'));
  fs.rmSync(root, { recursive: true });
  return [layer];
}

async function addBinaries(recipe: Recipe, root: string): Promise<void> {
  const inImage = (file: string) => {
    const target = path.join(root, file);
    fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
    return target;
  };
  if (recipe.build) {
    const binaries = await goBinary(recipe.build);
    for (const [binary, file] of Object.entries(recipe.binaries ?? {})) {
      fs.copyFileSync(path.join(binaries, binary), inImage(file));
      fs.chmodSync(inImage(file), 0o755);
    }
  }
  for (const [file, target] of Object.entries(recipe.links ?? {})) fs.symlinkSync(target, inImage(file));
}
