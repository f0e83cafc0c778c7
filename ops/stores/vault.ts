import { ConstantBackoff, handleWhen, retry } from 'cockatiel';
import { BACKUP_ROLE, RESTORE_ROLE } from '../../components/vault-names';
import { type VaultClient, VaultError } from '../../components/vault-client';
import { canonicalJson } from '../../migrations/engine/canonical-json';
import { isUnreachable } from '../../migrations/engine/retry';
import type { ArtifactFiles, ArtifactSink, CopyReport, StoreContent, StoreDriver } from './driver';
import { checkInventory, InventoriedSink } from './inventory';
import { VaultAccess, type VaultPlace } from './vault-access';
import { vaultContent } from './vault-content';
import { SnapshotStream } from './vault-snapshot';

/** How to reach a Vault and log in to it. */
export interface VaultDriverAddress extends VaultPlace {
  /** Key of the Vault that the copy is of (seal `dev-auto`), which opens it after a restore; empty where people hold it. */
  readonly unsealKey: () => string;
  /** Whether a restore that only people can open is enough: that of a scratch server; default false. */
  readonly maySeal?: boolean;
}

const SNAPSHOT = 'vault.snap';
const API = 'sys/storage/raft/snapshot';
const ATTEMPTS = 5;
const OTHER_KEYS = /different (set of unseal keys|autoseal key)/;
const POLL_MS = 500;
const REPLACED_WITHIN_MS = 180_000;

const CHANGED = 'Vault is being configured. Try again when that is over.';

/** Vault is not there yet. */
class NotYetError extends Error {}

/** What was counted is not what was copied. */
class ChangedError extends Error {}

/**
 * Copies all of Vault as a snapshot of its integrated storage, which Vault's own barrier encrypts: a copy is worth nothing without
 * the keys of that Vault, which are not in it. Beside it only names, definitions and numbers of versions are read.
 *
 * A restore replaces everything, tokens and leases too. A copy that the keys of today open goes in as it is, which Vault itself
 * checks; for one of other keys `unsealKey` must be there beforehand, and opens it afterwards.
 * @see https://developer.hashicorp.com/vault/api-docs/system/storage/raft
 */
export class VaultDriver implements StoreDriver {
  private readonly access: VaultAccess;
  private sealed = false;

  constructor(private readonly address: VaultDriverAddress) {
    this.access = new VaultAccess(address);
  }

  /** Why what a restore gave cannot be compared. */
  get unreadable(): string | undefined {
    if (!this.sealed) return undefined;
    return 'Vault took the snapshot, but only people can open it: which keys fit, and what is in it, is not proven';
  }

  async backup(sink: ArtifactSink): Promise<CopyReport> {
    return this.access.with(BACKUP_ROLE, async (vault) => {
      const inventoried = new InventoriedSink(sink);
      const { version } = await vault.read<{ version: string }>('sys/seal-status');
      const { content, position } = await whileUnchanged(async () => {
        const content = await vaultContent(vault);
        const snapshot = new SnapshotStream();
        const source = async function* () {
          yield* snapshot.watch(await vault.open(API));
          // A file that fails may be written again.
          if (canonicalJson(await vaultContent(vault)) !== canonicalJson(content))
            throw new ChangedError(CHANGED);
        };
        await inventoried.write(SNAPSHOT, source(), { compress: false });
        return { content, position: snapshot.index()! };
      });
      await inventoried.finish();
      return { serverVersion: version, schema: [], content, position };
    });
  }

  content(): Promise<StoreContent> {
    return this.access.with(BACKUP_ROLE, vaultContent);
  }

  async restore(files: ArtifactFiles): Promise<void> {
    await checkInventory(files);
    const file = files[SNAPSHOT]!;
    this.sealed = false;
    const key = this.address.unsealKey();
    const session = await this.access.newLogin(RESTORE_ROLE);
    const issuer = await this.access.issuer(session);
    await this.send(session, file, key);
    await this.replaced(session, key);
    if (!this.sealed) await this.access.letIn(issuer, key);
  }

  close(): Promise<void> {
    return this.access.close();
  }

  /** @throws Error when the copy needs other keys than there are; nothing was changed then. */
  private async send(vault: VaultClient, file: string, key: string): Promise<void> {
    try {
      await vault.upload(API, file);
    } catch (error) {
      if (!(error instanceof VaultError) || !OTHER_KEYS.test(error.message)) throw error;
      if (!key && !this.address.maySeal)
        throw new Error(
          'The copy is of a Vault with other keys, which alone open it. Nothing was changed: docs/vault.md says how people restore it.',
        );
      await vault.upload(`${API}-force`, file);
    }
  }

  /** Waits until the state of before is gone, and opens what came instead. */
  private async replaced(session: VaultClient, key: string): Promise<void> {
    await untilThere().execute(async () => {
      const health = await session.health();
      if (health === 'sealed') {
        if (key) await this.unseal(session, key);
        else if (this.address.maySeal) this.sealed = true;
        else throw new Error('Vault did not open the copy and is sealed: unseal it (docs/vault.md).');
        if (this.sealed) return;
      }
      if (await this.access.isKnown(session)) throw new NotYetError('Vault still has the state of before.');
    });
  }

  private async unseal(vault: VaultClient, key: string): Promise<void> {
    try {
      await vault.write('sys/unseal', { key });
    } catch (error) {
      if (!(error instanceof VaultError) || error.statusCode !== 400) throw error;
      throw new Error(
        'Vault holds the copy and is sealed: the key in its Secret is not that of the Vault that the copy is of. Put that one into the Secret and unseal it (docs/vault.md).',
        { cause: error },
      );
    }
  }
}

function untilThere() {
  return retry(
    handleWhen((error) => error instanceof NotYetError || isUnreachable(error)),
    { maxAttempts: REPLACED_WITHIN_MS / POLL_MS, backoff: new ConstantBackoff(POLL_MS) },
  );
}

function whileUnchanged<T>(copy: () => Promise<T>): Promise<T> {
  const again = retry(
    handleWhen((error) => error instanceof ChangedError),
    { maxAttempts: ATTEMPTS, backoff: new ConstantBackoff(POLL_MS) },
  );
  return again.execute(copy);
}
