import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goBinary } from '../local/go-build';
import { goBuilds } from '../local/versions';
import type { KubernetesCluster, KubernetesObject } from '../migrations/kubernetes/cluster';

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface OpenApi {
  readonly components?: { readonly schemas?: Record<string, Schema> };
}

type Schema = { readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[] } & Record<
  string,
  unknown
>;

/** What kubeconform said. */
export interface Conformity {
  readonly valid: number;
  /** One line per object that is not valid, or that there is no schema for. */
  readonly problems: readonly string[];
}

/**
 * Checks objects with kubeconform against the schemas that a cluster itself publishes, of built-in and custom resources.
 * @see https://github.com/yannh/kubeconform
 */
export async function kubeconform(
  cluster: KubernetesCluster,
  objects: readonly KubernetesObject[],
): Promise<Conformity> {
  const folder = mkdtempSync(join(tmpdir(), 'kubeconform-'));
  try {
    const schemas = join(folder, 'schemas');
    mkdirSync(schemas);
    const versions = new Set(objects.map((object) => object.apiVersion));
    await Promise.all([...versions].map((version) => writeSchemas(cluster, version, schemas)));
    const manifests = join(folder, 'manifests.yaml');
    // JSON, because `on` and `off` are truth values in the YAML that kubeconform reads.
    writeFileSync(manifests, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
    const binary = join(await goBinary(goBuilds.kubeconform), 'kubeconform');
    const location = `${schemas}/{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json`;
    const args = ['-strict', '-output', 'json', '-verbose', '-schema-location', location, manifests];
    const { stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (!stdout) throw new Error(`kubeconform: ${stderr}`);
    return conformity(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function conformity(stdout: string): Conformity {
  const { resources } = JSON.parse(stdout) as {
    resources: { kind: string; name: string; status: string; msg: string }[];
  };
  const valid = resources.filter((resource) => resource.status === 'statusValid');
  return {
    valid: valid.length,
    problems: resources
      .filter((resource) => resource.status !== 'statusValid')
      .map(({ kind, name, status, msg }) => `${kind}/${name}: ${status} ${msg}`),
  };
}

/** One self-contained JSON schema per kind of a group and version. */
async function writeSchemas(cluster: KubernetesCluster, apiVersion: string, folder: string): Promise<void> {
  const [version, group = ''] = apiVersion.split('/').reverse() as [string, string?];
  const path = group ? `/openapi/v3/apis/${group}/${version}` : `/openapi/v3/api/${version}`;
  const { components } = await cluster.request<OpenApi>('GET', path);
  const schemas = components?.schemas ?? {};
  for (const schema of Object.values(schemas)) {
    const kinds = schema['x-kubernetes-group-version-kind'] ?? [];
    const own = kinds.find((kind) => kind.group === group && kind.version === version);
    if (!own) continue;
    // kubeconform takes the version of the core group for its name.
    const file = `${group || version}_${version}_${own.kind.toLowerCase()}.json`;
    writeFileSync(join(folder, file), JSON.stringify({ ...strict(schema), components: strict({ schemas }) }));
  }
}

/** OpenAPI as JSON schema: what a schema does not list is an error, unless it says otherwise. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a schema of any depth
function strict(value: unknown): any {
  if (Array.isArray(value)) return value.map(strict);
  if (value === null || typeof value !== 'object') return value;
  const source = value as Record<string, unknown>;
  if (source['x-kubernetes-int-or-string']) return { type: ['integer', 'string'] };
  const result = Object.fromEntries(Object.entries(source).map(([key, inner]) => [key, strict(inner)]));
  const open = source.additionalProperties !== undefined || source['x-kubernetes-preserve-unknown-fields'];
  const isSchema = typeof source.properties === 'object' && source.type === 'object';
  return isSchema && !open ? { ...result, additionalProperties: false } : result;
}
