/** How a copy's driver reaches the active server of a Vault, and logs in. */
import { type VaultAddress, VaultClient, VaultError } from '../../components/vault-client';
import { BACKUP_ROLE } from '../../components/vault-names';
import type { ServerIdentity } from '../../migrations/targets/http-client';
import { connectPolicy } from '../../migrations/engine/retry';

/** Where a Vault is, and as whom it is used. */
export interface VaultPlace {
  readonly host: string;
  readonly port: number;
  readonly tls: ServerIdentity;
  /** Where the servers can be reached, by pod name; default at the addresses they have for each other. */
  readonly nodes?: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  /** A ServiceAccount's token, made anew before it ends; or a root token, of a scratch server. */
  readonly login: { readonly jwt: () => string } | { readonly rootToken: string };
}

/** Who may log in from a cluster: public keys of its tokens. */
export type Issuer = Readonly<Record<string, unknown>>;

const ISSUER = 'auth/kubernetes/config';
const READY_WITHIN_MS = 60_000;

/** Logins to one Vault. */
export class VaultAccess {
  private rootToken?: string;

  constructor(private readonly place: VaultPlace) {
    if ('rootToken' in place.login) this.rootToken = place.login.rootToken;
  }

  /** Works with a login that is ended afterwards. @param role Of `auth/kubernetes`. */
  async with<T>(role: string, work: (vault: VaultClient) => Promise<T>): Promise<T> {
    const vault = await this.login(role);
    try {
      return await work(vault);
    } finally {
      // It ends by itself within the hour, too.
      if (this.rootToken === undefined)
        await vault.write('auth/token/revoke-self', {}).catch(() => undefined);
    }
  }

  /** A client of the active server that has logged in. */
  async login(role: string): Promise<VaultClient> {
    if (this.rootToken !== undefined) return (await this.active()).as(this.rootToken);
    return this.jwtLogin(role);
  }

  /** A login that no state of Vault knows but the one of now. */
  async newLogin(role: string): Promise<VaultClient> {
    const vault = await this.login(role);
    if (this.rootToken === undefined) return vault;
    const { auth } = await vault.write<{ auth: { client_token: string } }>('auth/token/create', {
      ttl: '1h',
    });
    return vault.as(auth.client_token);
  }

  private async jwtLogin(role: string): Promise<VaultClient> {
    const vault = await this.active();
    const { login } = this.place;
    if (!('jwt' in login)) throw new Error('Vault has no login of a ServiceAccount here.');
    const body = { role, jwt: login.jwt().trim() };
    const { auth } = await vault.write<{ auth: { client_token: string } }>('auth/kubernetes/login', body);
    return vault.as(auth.client_token);
  }

  /** Whether Vault knows the client's token. */
  async isKnown(session: VaultClient): Promise<boolean> {
    try {
      await session.read('auth/token/lookup-self');
      return true;
    } catch (error) {
      if (error instanceof VaultError && error.statusCode === 403) return false;
      throw error;
    }
  }

  /** Whom Vault lets in; undefined where it does not know tokens of ServiceAccounts. */
  async issuer(session: VaultClient): Promise<Issuer | undefined> {
    if ('rootToken' in this.place.login) return undefined;
    const { data } = await session.read<{ data: Issuer }>(ISSUER);
    const { bound_issuer, jwt_validation_pubkeys } = data;
    return { bound_issuer, jwt_validation_pubkeys };
  }

  /**
   * Makes sure that Vault lets in whom it let in before it got another state, which may be of another cluster.
   * @param key Unseals Vault; empty where only people have it.
   * @throws Error when that takes people.
   */
  async letIn(issuer: Issuer | undefined, key: string): Promise<void> {
    const policy = connectPolicy(READY_WITHIN_MS);
    if (await policy.execute(() => this.isLetIn())) return;
    if (!key)
      throw new Error(
        'Vault holds the copy, which lets in ServiceAccounts of another cluster. Give `up` a root token in the Secret vault-bootstrap (docs/vault.md), then compare with `restore` again.',
      );
    this.rootToken = await policy.execute(async () => newRootToken(await this.active(), key));
    if (!issuer) return;
    await (await this.active()).as(this.rootToken).write(ISSUER, issuer);
    const root = this.rootToken;
    this.rootToken = undefined;
    // Where the copy is of another namespace, its ServiceAccounts are, too: then this run goes on as root.
    const letIn = await this.isLetIn();
    this.rootToken = root;
    if (letIn) await this.close();
  }

  /** Ends the root token that a restore made. */
  async close(): Promise<void> {
    const token = this.rootToken;
    if (token === undefined || !('jwt' in this.place.login)) return;
    this.rootToken = undefined;
    await (await this.active()).as(token).write('auth/token/revoke-self', {});
  }

  private async isLetIn(): Promise<boolean> {
    if (this.rootToken !== undefined) return this.isKnown(await this.login(BACKUP_ROLE));
    try {
      const session = await this.jwtLogin(BACKUP_ROLE);
      await session.write('auth/token/revoke-self', {});
      return true;
    } catch (error) {
      if (error instanceof VaultError && error.statusCode < 500) return false;
      throw error;
    }
  }

  /** Snapshots are given and taken by the active server only; servers that have just been opened choose it first. */
  private active(): Promise<VaultClient> {
    return connectPolicy(READY_WITHIN_MS).execute(() => this.activeNow());
  }

  private async activeNow(): Promise<VaultClient> {
    const { host, port } = this.place;
    const any = new VaultClient(this.at({ host, port }));
    const { is_self, leader_address } = await any.read<{ is_self: boolean; leader_address: string }>(
      'sys/leader',
    );
    const leader = leader_address ? new URL(leader_address) : undefined;
    const known = leader && this.place.nodes?.[leader.hostname.split('.')[0]!];
    if (known) return new VaultClient(this.at(known));
    if (is_self) return any;
    if (!leader) throw new VaultError(503, 'Vault has no active server.');
    return new VaultClient(this.at({ host: leader.hostname, port: Number(leader.port) }));
  }

  private at({ host, port }: { host: string; port: number }): VaultAddress {
    return { host, port, ...this.place.tls };
  }
}

/** Makes a root token with the key. @see https://developer.hashicorp.com/vault/api-docs/system/generate-root */
async function newRootToken(vault: VaultClient, key: string): Promise<string> {
  // One that was begun and never ended would be in the way.
  await vault.delete('sys/generate-root/attempt');
  const { nonce, otp } = await vault.write<{ nonce: string; otp: string }>('sys/generate-root/attempt', {});
  const { encoded_token } = await vault.write<{ encoded_token: string }>('sys/generate-root/update', {
    ...{ key, nonce },
  });
  const pad = Buffer.from(otp);
  return Buffer.from(
    Buffer.from(encoded_token, 'base64').map((byte, index) => byte ^ pad[index]!),
  ).toString();
}
