import type * as pulumi from '@pulumi/pulumi';
import type { z } from 'zod';
import type { CertificateRequest } from '../../components/certificates/request';
import type { PostgresArchiveArgs } from '../../components/postgres-archive-args';
import type { SecretReference } from '../outputs';

/** What every store of one platform shares. */
export interface Platform {
  /** Size whose defaults apply; a few rules (such as licences) depend on it. */
  readonly size: 'dev' | 'prod';
  readonly namespace: string;
  /** StorageClass of every volume. */
  readonly storageClass: string;
  /** PriorityClass of every store's pods. */
  readonly priorityClass: string;
  /** Whether Vault makes logins in the databases; default false. */
  readonly vault?: boolean;
  /** Whether the stack declares NetworkPolicies; default true. */
  readonly networkPolicies?: boolean;
  /** Where PostgreSQL archives; default nowhere. */
  readonly postgresArchive?: PostgresArchiveArgs;
  /** kubeconfig context of the connections; absent: the current one. */
  readonly kubeContext?: string;
  /** Registry that images built from source are pushed to. */
  readonly imageRegistry?: string;
}

/** The certificates that the stack makes for the stores' servers. */
export interface StoreTls {
  /** PEM of the authority. */
  readonly ca: pulumi.Output<string>;
  /** Changes with the certificate in a Secret. */
  fingerprint(secret: string): pulumi.Output<string>;
}

/** What must exist before a store's resources, and the provider they use. */
export type StoreOptions = pulumi.ComponentResourceOptions & { dependsOn: pulumi.Input<pulumi.Resource>[] };

/** One store: what a stack may set, the defaults of each size, and how it becomes resources. */
export interface Store<Overrides extends object, Settings extends object, Args, Outputs> {
  /** Shape of its section of the stack configuration; everything optional, unknown keys are errors. */
  readonly schema: z.ZodType<Overrides>;
  readonly sizes: { readonly dev: Settings; readonly prod: Settings };
  /** Fills the defaults in. */
  resolve(defaults: Settings, overrides: Overrides): Settings;
  /** The arguments of its component. */
  args(settings: Settings, platform: Platform): Args;
  /**
   * Refuses arguments that contradict each other.
   * @throws Error that says what was got and what is allowed.
   */
  check(settings: Settings, platform: Platform): void;
  /** Certificates that its servers mount; absent where its operator makes them. */
  certificates?(settings: Settings, platform: Platform): CertificateRequest[];
  /** Declares it and returns its part of the contract. */
  deploy(settings: Settings, platform: Platform, options: StoreOptions, tls: StoreTls): Outputs;
}

/** A store whose own types do not matter. */
export type AnyStore = Store<object, object, unknown, unknown>;

/** Gives a store's definition its types. */
export function defineStore<Overrides extends object, Settings extends object, Args, Outputs>(
  store: Store<Overrides, Settings, Args, Outputs>,
): Store<Overrides, Settings, Args, Outputs> {
  return store;
}

/** The usual {@link Store.resolve}: each key that is set replaces its default. */
export function overridden<Settings extends object>(
  defaults: Settings,
  overrides: Partial<Settings>,
): Settings {
  return { ...defaults, ...overrides };
}

/** A Secret with the login of one role. */
export function login(name: string): SecretReference {
  return { name, keys: { username: 'username', password: 'password' } };
}

/** Whether a stack has a store, by its settings; those without `enabled` are always there. */
export function isOn(settings: object): boolean {
  return !('enabled' in settings) || settings.enabled === true;
}
