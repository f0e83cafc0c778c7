/** What of a Vault can be counted without reading a secret. */
import { createHash } from 'node:crypto';
import { type VaultClient, VaultError } from '../../components/vault-client';
import { canonicalJson } from '../../migrations/engine/canonical-json';
import type { ContentEntry, StoreContent } from './driver';

/** Mounts and policies of a Vault that nobody has configured. */
const OWN_TYPES = new Set([
  'system',
  'identity',
  'cubbyhole',
  'ns_system',
  'ns_identity',
  'ns_cubbyhole',
  'token',
]);
const OWN_POLICIES = new Set(['root', 'default']);

interface Mount {
  readonly type: string;
  readonly uuid: string;
  readonly options: object | null;
  readonly config: object;
}

/** Engines, logins, roles and policies as they are defined, and every key of `transit` with the times of its versions. */
export async function vaultContent(vault: VaultClient): Promise<StoreContent> {
  const lists = {
    engines: await mounts(vault, 'sys/mounts'),
    'auth methods': await mounts(vault, 'sys/auth'),
    policies: await policies(vault),
    'roles of applications': await names(vault, 'auth/kubernetes/role'),
    'connections of databases': await names(vault, 'database/config'),
    'roles of databases': await names(vault, 'database/roles'),
  };
  const content: Record<string, ContentEntry> = {};
  for (const [name, things] of Object.entries(lists))
    if (things.length > 0) content[name] = { count: things.length, sha256: digest(things) };
  for (const key of await names(vault, 'transit/keys')) {
    const { data } = await vault.read<{ data: { keys: object } }>(`transit/keys/${encodeURIComponent(key)}`);
    content[`transit/${key}`] = { count: Object.keys(data.keys).length, sha256: digest(data) };
  }
  return content;
}

async function mounts(vault: VaultClient, path: string): Promise<object[]> {
  const { data } = await vault.read<{ data: Record<string, Mount> }>(path);
  return Object.entries(data)
    .filter(([, { type }]) => !OWN_TYPES.has(type))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, { type, uuid, options, config }]) => ({ name, type, uuid, options, config }));
}

async function policies(vault: VaultClient): Promise<object[]> {
  const found: object[] = [];
  for (const name of await names(vault, 'sys/policies/acl')) {
    if (OWN_POLICIES.has(name)) continue;
    const { data } = await vault.read<{ data: object }>(`sys/policies/acl/${encodeURIComponent(name)}`);
    found.push(data);
  }
  return found;
}

/** Names below a path; none where nothing is enabled there or nothing is in it. */
async function names(vault: VaultClient, path: string): Promise<string[]> {
  try {
    const { data } = await vault.read<{ data: { keys: string[] } }>(`${path}?list=true`);
    return data.keys.sort();
  } catch (error) {
    if (error instanceof VaultError && error.statusCode === 404) return [];
    throw error;
  }
}

function digest(what: unknown): string {
  return createHash('sha256').update(canonicalJson(what)).digest('hex');
}
