/* eslint-disable @typescript-eslint/no-require-imports -- the provider loads the engine where it runs */
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { changeFileDigests } from '../engine/change-files';
import { projectRoot } from '../project-root';
import { changeFolder, type StoreName } from '../stores';
import type { ConnectionReference } from './connection';
import type { AppliedEntry } from './run';

/**
 * Loads the compiled provider. Pulumi keeps this function's text in its state and runs it in the plugin's process, in the folder of
 * the program's entry point or of the project: so nothing is captured, and paths are relative to that folder.
 */
const run = (): typeof import('./run') =>
  require(require.resolve('./dist/migrations/provider/run.js', { paths: ['.', '../..'] }));

/** The provider of {@link StoreMigrations}; exported for the test of its serialised form. */
export const storeMigrationsProvider: pulumi.dynamic.ResourceProvider = {
  check: (olds, news) => run().check(olds, news),
  diff: (id, olds, news) => run().diff(id, olds, news),
  create: (inputs) => run().create(inputs),
  update: (id, olds, news) => run().update(id, olds, news),
  read: (id, props) => run().read(id, props!),
  delete: (id, props) => run().remove(id, props),
};

/** Arguments of {@link StoreMigrations}. */
export interface StoreMigrationsArgs {
  readonly store: StoreName;
  /** Database the changes belong to, as named under `migrations/<store>/`. */
  readonly database: string;
  /** Folder of the change files, relative to the project; default `migrations/<store>/<database>`. */
  readonly folder?: string;
  /** Where the store is; holds no credential. */
  readonly connection: pulumi.Input<pulumi.Unwrap<ConnectionReference>>;
}

const MODULE = 'migrations';
const TYPE = 'StoreMigrations';

/**
 * The change files of one database, applied in order: preview lists the pending statements, `up` applies them under the store's
 * lock, and deleting the resource never drops data. At most one per store and database.
 */
export class StoreMigrations extends pulumi.dynamic.Resource {
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
      connection: args.connection,
      reportTo: pulumi.createUrn(name, `pulumi-nodejs:dynamic/${MODULE}:${TYPE}`, opts?.parent),
      version: undefined,
      appliedCount: undefined,
      applied: undefined,
      serverCa: undefined,
    };
    super(storeMigrationsProvider, name, props, opts, MODULE, TYPE);
  }
}
