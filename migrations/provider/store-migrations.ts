import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { changeFileDigests } from '../engine/change-files';
import { projectRoot } from '../project-root';
import type { Parameters } from '../engine/target';
import { changeFolder, type StoreName } from '../stores';
import { type CompiledProvider, CompiledResource } from './compiled-resource';
import type { ConnectionReference } from './connection';
import type { AppliedEntry } from './run';

const provider: CompiledProvider = {
  module: 'migrations/provider/run',
  methods: ['check', 'diff', 'create', 'update', 'read', 'delete'],
};
const TYPE = 'migrations:StoreMigrations';

/** Arguments of {@link StoreMigrations}. */
export interface StoreMigrationsArgs {
  readonly store: StoreName;
  /** Database the changes belong to, as named under `migrations/<store>/`. */
  readonly database: string;
  /** Folder of the change files, relative to the project; default `migrations/<store>/<database>`. */
  readonly folder?: string;
  /** Values of the files' parameters, such as `{ 'retention.logs': '90d' }`; absent: the files' own defaults, and what is applied keeps its values. */
  readonly parameters?: Parameters;
  /** Where the store is; holds no credential. */
  readonly connection: pulumi.Input<pulumi.Unwrap<ConnectionReference>>;
}

/**
 * The change files of one database, applied in order: preview lists the pending statements, `up` applies them under the store's
 * lock, and deleting the resource never drops data. At most one per store and database.
 */
export class StoreMigrations extends CompiledResource {
  /** Number of the newest applied change, such as `000003`; empty before the first. */
  declare readonly version: pulumi.Output<string>;
  declare readonly appliedCount: pulumi.Output<number>;
  declare readonly applied: pulumi.Output<AppliedEntry[]>;
  /** PEM of the CA the server's certificate was verified with; empty without TLS. */
  declare readonly serverCa: pulumi.Output<string>;

  constructor(name: string, args: StoreMigrationsArgs, opts?: pulumi.CustomResourceOptions) {
    const folder = args.folder ?? changeFolder(args.store, args.database);
    const props = {
      store: args.store,
      database: args.database,
      folder,
      files: changeFileDigests(join(projectRoot(), folder)),
      ...(args.parameters ? { parameters: args.parameters } : {}),
      connection: args.connection,
      reportTo: pulumi.createUrn(name, `pulumi-nodejs:dynamic/${TYPE}`, opts?.parent),
      version: undefined,
      appliedCount: undefined,
      applied: undefined,
      serverCa: undefined,
    };
    super(provider, TYPE, name, props, opts);
  }
}
