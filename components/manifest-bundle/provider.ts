import { exitWithEngine } from '../../migrations/provider/exit-with-engine';
import { KubernetesCluster, KubernetesObject } from '../../migrations/kubernetes/cluster';
import { applyBundle, assertNotForeign, isOffline, missingObjects } from './engine';
import { customise, loadManifest } from './manifest';
import { describeRefs, formatRef, ObjectRef, parseRef, refOf } from './object-ref';
import { removeObjects } from './removal';

/** The methods of the ManifestBundle dynamic provider; `index.ts` calls them from thin closures. */

/** Inputs of a bundle as Pulumi stores them: never the manifest itself, whose definitions are megabytes. */
export interface BundleInputs {
  readonly url: string;
  readonly sha256: string;
  readonly image?: string;
  readonly namespace?: string;
  readonly context?: string;
  readonly probe?: KubernetesObject;
}

/** State of a bundle. */
export interface BundleState extends BundleInputs {
  /** Every applied object, as {@link formatRef} writes it. */
  readonly objects: readonly string[];
  /** Objects of the bundle that the last refresh, or an interrupted update, did not find. */
  readonly missing: readonly string[];
}

const COMPARED = ['url', 'sha256', 'image', 'namespace', 'context', 'probe'] as const;

const say = (line: string) => console.log(`operator manifest: ${line}`);

/** Validates the inputs and, when something would be applied, lists it (also in a preview). */
export async function check(olds: Partial<BundleState>, news: BundleInputs) {
  exitWithEngine();
  const failures = [
    ...(/^https:\/\//.test(news.url)
      ? []
      : [{ property: 'url', reason: `must be an https:// address, got "${news.url}"` }]),
    ...(/^[0-9a-f]{64}$/.test(news.sha256)
      ? []
      : [{ property: 'sha256', reason: `must be 64 hexadecimal digits, got "${news.sha256}"` }]),
  ];
  if (failures.length === 0 && changed(olds, news)) await announce(news, failures);
  return { inputs: news, failures };
}

async function announce(
  inputs: BundleInputs,
  failures: { property: string; reason: string }[],
): Promise<void> {
  try {
    const objects = await bundle(inputs);
    say(`${objects.length} objects to apply from ${inputs.url}`);
    for (const line of describeRefs(objects.map(refOf))) say(`  ${line}`);
    const cluster = KubernetesCluster.load({ context: inputs.context });
    await assertNotForeign(cluster, objects);
  } catch (error) {
    // A preview may have no cluster, or none yet; the update itself fails on it.
    if (isOffline(error)) say(`not compared with the cluster: ${(error as Error).message}`);
    else failures.push({ property: 'url', reason: (error as Error).message });
  }
}

/** Reports a change when an input differs or an object is missing in the cluster. */
export async function diff(_id: string, olds: BundleState, news: BundleInputs) {
  return { changes: changed(olds, news) || (olds.missing ?? []).length > 0 };
}

function changed(olds: Partial<BundleInputs>, news: BundleInputs): boolean {
  return COMPARED.some((key) => JSON.stringify(olds[key]) !== JSON.stringify(news[key]));
}

/** Applies the bundle to a cluster that has no such operator yet. */
export async function create(inputs: BundleInputs) {
  const objects = await bundle(inputs);
  const cluster = KubernetesCluster.load({ context: inputs.context });
  await assertNotForeign(cluster, objects);
  return { id: `manifest-bundle-${inputs.sha256.slice(0, 12)}`, outs: await apply(cluster, inputs, objects) };
}

/** Applies the bundle over its previous version and deletes what is no longer in it. */
export async function update(id: string, olds: BundleState, news: BundleInputs) {
  const objects = await bundle(news);
  const cluster = KubernetesCluster.load({ context: news.context });
  const outs = await apply(cluster, news, objects, id, olds.objects);
  const current = new Set(outs.objects);
  const obsolete = (olds.objects ?? []).filter((line) => !current.has(line)).map(parseRef);
  for (const warning of await removeObjects(cluster, obsolete, say)) say(`warning: ${warning}`);
  return { outs };
}

/** Finds objects of the bundle that are gone from the cluster. */
export async function read(id: string, state: BundleState) {
  const cluster = KubernetesCluster.load({ context: state.context });
  const refs = state.objects.map(parseRef);
  const missing = await missingObjects(cluster, refs);
  if (missing.length === refs.length) return { id: '', props: {} };
  return { id, props: { ...state, missing: missing.map(formatRef) } };
}

/** Deletes the bundle, except what holds data; see {@link removeObjects}. */
export async function remove(_id: string, state: BundleState): Promise<void> {
  const cluster = KubernetesCluster.load({ context: state.context });
  for (const warning of await removeObjects(cluster, state.objects.map(parseRef), say))
    say(`warning: ${warning}`);
}

async function bundle(inputs: BundleInputs): Promise<KubernetesObject[]> {
  return customise(await loadManifest(inputs), inputs);
}

/** On a failure half-way, what exists by then is saved in the state, so that the next update finishes or deletes it. */
async function apply(
  cluster: KubernetesCluster,
  inputs: BundleInputs,
  objects: readonly KubernetesObject[],
  id = `manifest-bundle-${inputs.sha256.slice(0, 12)}`,
  previous: readonly string[] = [],
): Promise<BundleState> {
  const all = objects.map(refOf).map(formatRef);
  const applied = new Set<string>();
  try {
    await applyBundle(cluster, objects, {
      report: say,
      probe: inputs.probe,
      onApplied: (ref: ObjectRef) => applied.add(formatRef(ref)),
    });
    return { ...inputs, objects: all, missing: [] };
  } catch (error) {
    if (applied.size === 0) throw error;
    const missing = all.filter((line) => !applied.has(line));
    const state: BundleState = { ...inputs, objects: [...new Set([...previous, ...all])], missing };
    throw Object.assign(error as Error, { id, properties: state, reasons: [(error as Error).message] });
  }
}

/** What Pulumi's provider process runs. */
export const provider = { check, diff, create, read, update, delete: remove };
