import { z } from 'zod';
import { checkBackups, postgresArchive } from './backups';
import { configSchema, StackConfig } from './config-schema';
import { checkNetwork } from './network';
import { type StoreKey, stores, type StoreSettings } from './stores';
import type { AnyStore, Platform } from './stores/store';
import { vault, type VaultSettings } from './vault';

const project = 'agent-data-platform';

/** Every error of a stack's configuration, found in one pass. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      [
        `The stack configuration has ${problems.length} error${problems.length === 1 ? '' : 's'}:`,
        ...problems.map((problem) => `  - ${problem}`),
        'Fix them in the Pulumi.<stack>.yaml of the stack; docs/configuration.md lists every key.',
      ].join('\n'),
    );
    this.name = 'ConfigError';
  }
}

/** The whole configuration of a stack, checked, with the defaults of its size filled in. */
export interface PlatformConfig extends Omit<StackConfig, 'storage' | 'vault' | StoreKey>, StoreSettings {
  readonly storage: NonNullable<StackConfig['storage']>;
  readonly vault: VaultSettings;
}

/** Longest value of one key, far above what any configuration needs. */
const MAX_VALUE_LENGTH = 65_536;

const storeKeys = Object.keys(stores) as StoreKey[];

/**
 * Checks a stack's configuration and fills in the defaults of its size.
 * @param raw `pulumi.runtime.allConfig()`: full keys such as `agent-data-platform:size`, objects as JSON text.
 * @throws ConfigError listing every unknown key, wrong type and contradiction at once.
 */
export function loadConfig(raw: Record<string, string>): PlatformConfig {
  const problems: string[] = [];
  const result = configSchema.safeParse(decode(raw, problems), { reportInput: true });
  if (!result.success) problems.push(...result.error.issues.flatMap(describeIssue));
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  const { storage } = result.data;
  const contradictions = crossCheck(result.data);
  if (!storage || contradictions.length > 0) throw new ConfigError(contradictions);
  const vaultSettings = vault.resolve(vault.sizes[result.data.size], result.data.vault ?? {});
  const config = { ...result.data, ...storeSettings(result.data), vault: vaultSettings, storage };
  const refused = refusals(config);
  if (refused.length > 0) throw new ConfigError(refused);
  return config;
}

/** What the stores share of a configuration. */
export function platformOf(config: PlatformConfig): Platform {
  const { size, namespace, storage, kubeContext } = config;
  return {
    size,
    namespace,
    // A class that the stack declares is named after its namespace, as it is cluster-wide.
    storageClass: 'className' in storage ? storage.className : `${namespace}-retain`,
    // Cluster-wide, too.
    priorityClass: `${namespace}-stores`,
    vault: config.vault.enabled,
    networkPolicies: config.network.policies === 'enabled',
    postgresArchive: postgresArchive(config),
    kubeContext,
    imageRegistry: config.imageRegistry ?? process.env.AGENT_DATA_PLATFORM_IMAGE_REGISTRY,
  };
}

function decode(raw: Record<string, string>, problems: string[]): Record<string, unknown> {
  const decoded: Record<string, unknown> = {};
  const objectKeys = new Set<string>(['storage', 'network', 'tls', 'backups', 'vault', ...storeKeys]);
  for (const [fullKey, text] of Object.entries(raw)) {
    const [namespace, ...rest] = fullKey.split(':');
    if (namespace !== project) continue;
    const key = rest.join(':');
    if (text.length > MAX_VALUE_LENGTH) {
      problems.push(`${key}: must have at most ${MAX_VALUE_LENGTH} characters, got ${text.length}`);
      continue;
    }
    if (!objectKeys.has(key)) {
      decoded[key] = text;
      continue;
    }
    try {
      const value: unknown = JSON.parse(text);
      // An empty object is Pulumi.yaml's default: it says nothing.
      if (JSON.stringify(value) !== '{}') decoded[key] = value;
    } catch {
      problems.push(`${key}: must be an object, got ${shown(text)}`);
    }
  }
  return decoded;
}

/** A value as far as it fits into a message; a secret key that stands where a public one belongs is not repeated. */
function shown(value: unknown): string {
  const text = JSON.stringify(value).replace(/AGE-SECRET-KEY-[^"]*/gi, 'AGE-SECRET-KEY-…');
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text;
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String).join('.');
  const at = (name: string) => (path ? `${path}.${name}` : name);
  const got = issue.input === undefined ? 'nothing' : shown(issue.input);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(
        (key) => `${at(key)}: unknown key; known here: ${knownKeys(issue.path).join(', ')}`,
      );
    case 'invalid_value':
      return [`${path}: must be one of ${issue.values.map(String).join(', ')}; got ${got}`];
    case 'invalid_union':
      return [`${path}: ${unionHint(issue)}; got ${got}`];
    default:
      return [`${path}: ${issue.message.replace(/^Invalid input: /, '')}; got ${got}`];
  }
}

function unionHint(issue: z.core.$ZodIssueInvalidUnion): string {
  const options = issue.errors.map((errors) =>
    errors
      .map((e) =>
        e.code === 'unrecognized_keys'
          ? `unknown key ${e.keys.join(', ')}`
          : `${e.path.join('.')} ${e.message}`.trim(),
      )
      .join(' and '),
  );
  return `fits none of its forms (${options.join('; or ')})`;
}

function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = configSchema;
  // All elements of an array have the same keys.
  for (const step of path.filter((part) => typeof part !== 'number')) {
    const shape = unwrap(schema)?.shape as Record<string, unknown> | undefined;
    schema = shape?.[String(step)];
  }
  return Object.keys((unwrap(schema)?.shape as object | undefined) ?? {});
}

function unwrap(schema: unknown): { shape?: unknown } | undefined {
  let current = schema as { unwrap?: () => unknown; shape?: unknown } | undefined;
  while (current && !current.shape && typeof current.unwrap === 'function')
    current = current.unwrap() as typeof current;
  return current;
}

function storeSettings(config: StackConfig): StoreSettings {
  const resolved = storeKeys.map((key) => {
    const store = stores[key] as AnyStore;
    return [key, store.resolve(store.sizes[config.size], config[key] ?? {})];
  });
  return Object.fromEntries(resolved) as StoreSettings;
}

/** What the stores would refuse, all of it, before any of them is made. */
function refusals(config: PlatformConfig): string[] {
  const platform = platformOf(config);
  const refusal = (check: () => void) => {
    try {
      check();
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  };
  const refused = [
    ...storeKeys.flatMap((key) => refusal(() => (stores[key] as AnyStore).check(config[key], platform))),
    ...refusal(() => vault.check(config.vault, platform)),
    ...refusal(() => checkBackups(config, platform)),
  ];
  // What the network needs to know of a store, only a valid one can say.
  return refused.length > 0 ? refused : refusal(() => checkNetwork(config, platform));
}

function crossCheck(config: StackConfig): string[] {
  const problems: string[] = [];
  if (config.size === 'prod' && !config.kubeContext && config.preview === 'online') {
    problems.push('kubeContext: must name a kubeconfig context when size is prod; got nothing');
  }
  if (!config.storage) {
    problems.push(
      'storage: must be {className: <class with reclaimPolicy Retain>} or {provisioner: <name>}; got nothing',
    );
  }
  if (config.tls.issuerRef && config.tls.issuer !== 'cert-manager') {
    problems.push(
      'tls.issuerRef: names an issuer of cert-manager; set tls.issuer to cert-manager, or remove it',
    );
  }
  return problems;
}
