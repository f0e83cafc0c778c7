import * as https from 'node:https';

/** A refusal of Vault. @see https://developer.hashicorp.com/vault/api-docs#http-status-codes */
export class VaultError extends Error {
  constructor(
    /** HTTP status; from 500 on, it may do what is asked later. */
    readonly statusCode: number,
    message: string,
  ) {
    super(message);
    this.name = 'VaultError';
  }
}

/** Where a server listens, and how it is verified. */
export interface VaultAddress {
  readonly host: string;
  readonly port: number;
  /** PEM of the authority. */
  readonly ca: string;
  /** Name in the server's certificate. */
  readonly serverName: string;
}

/** State of one server. */
export type VaultHealth = 'active' | 'standby' | 'sealed' | 'uninitialised';

/** @see https://developer.hashicorp.com/vault/api-docs/system/health */
const HEALTH: Readonly<Record<number, VaultHealth>> = {
  200: 'active',
  429: 'standby',
  473: 'standby',
  501: 'uninitialised',
  503: 'sealed',
};
const TIMEOUT_MS = 30_000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * The part of Vault's API that the platform needs, over TLS that is always verified.
 * @see https://developer.hashicorp.com/vault/api-docs
 */
export class VaultClient {
  constructor(
    private readonly address: VaultAddress,
    /** Default none: only what needs no login. */
    private readonly token?: string,
  ) {}

  /** The same server with a token. */
  as(token: string): VaultClient {
    return new VaultClient(this.address, token);
  }

  /** State of this server, which a sealed one answers too. */
  async health(): Promise<VaultHealth> {
    const { status } = await this.send('GET', 'sys/health');
    const health = HEALTH[status];
    if (health) return health;
    throw new VaultError(status, `Vault answered ${status} when it was asked for its health.`);
  }

  /** @throws VaultError with Vault's own words when it refuses. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  read<T = any>(path: string): Promise<T> {
    return this.request('GET', path);
  }

  /** @throws VaultError with Vault's own words when it refuses. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  write<T = any>(path: string, body: object): Promise<T> {
    return this.request('POST', path, body);
  }

  /** Succeeds as well when there is nothing. @throws VaultError with Vault's own words when it refuses. */
  async delete(path: string): Promise<void> {
    await this.request('DELETE', path);
  }

  private async request<T>(method: string, path: string, body?: object): Promise<T> {
    const { status, text } = await this.send(method, path, body);
    const { errors = [], ...answer } = parse(text);
    if (status >= 200 && status < 300) return answer as T;
    const why = errors.join('; ') || `HTTP ${status}`;
    throw new VaultError(status, `Vault refused ${method} ${path}: ${why}.`);
  }

  private send(method: string, path: string, body?: object): Promise<Answer> {
    const { host, port, ca, serverName } = this.address;
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const options: https.RequestOptions = {
      ...{ method, host, port, ca, servername: serverName },
      path: `/v1/${path}`,
      timeout: TIMEOUT_MS,
      // A connection of its own: the tunnel may end between two requests.
      agent: false,
      headers: {
        'x-vault-request': 'true',
        ...(this.token ? { 'x-vault-token': this.token } : {}),
        ...(payload ? { 'content-length': Buffer.byteLength(payload) } : {}),
      },
    };
    return new Promise((resolve, reject) => {
      const request = https.request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      request.on('timeout', () =>
        request.destroy(
          Object.assign(new Error(`Vault gave no answer within ${TIMEOUT_MS} ms.`), { code: 'ETIMEDOUT' }),
        ),
      );
      request.on('error', reject);
      request.end(payload);
    });
  }
}

function parse(text: string): { errors?: string[] } {
  try {
    return JSON.parse(text) as { errors?: string[] };
  } catch {
    return {};
  }
}
