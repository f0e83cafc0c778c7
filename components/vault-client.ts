import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import * as https from 'node:https';
import { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';

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
/** Vault writes all of it to its disk first. */
const UPLOAD_TIMEOUT_MS = 600_000;

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
    const answer = await this.send(method, path, body);
    if (answer.status >= 200 && answer.status < 300) return parse(answer.text) as T;
    throw refusal(method, path, answer);
  }

  /**
   * An answer that is too large for memory, as it comes.
   * @throws VaultError with Vault's own words when it refuses.
   */
  async open(path: string): Promise<IncomingMessage> {
    const response = await this.start('GET', path);
    if (response.statusCode === 200) return response;
    throw refusal('GET', path, { status: response.statusCode ?? 0, text: await textOf(response) });
  }

  /** Sends a file as it is. @throws VaultError with Vault's own words when it refuses. */
  async upload(path: string, file: string): Promise<void> {
    const { size } = await stat(file);
    const body = { stream: createReadStream(file), size };
    const response = await this.start('POST', path, body, UPLOAD_TIMEOUT_MS);
    const answer = { status: response.statusCode ?? 0, text: await textOf(response) };
    if (answer.status >= 300) throw refusal('POST', path, answer);
  }

  private async send(method: string, path: string, body?: object): Promise<Answer> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const response = await this.start(
      method,
      path,
      bytes && { stream: Readable.from([bytes]), size: bytes.length },
    );
    return { status: response.statusCode ?? 0, text: await textOf(response) };
  }

  private start(
    method: string,
    path: string,
    body?: { stream: Readable; size: number },
    timeoutMs = TIMEOUT_MS,
  ): Promise<IncomingMessage> {
    const { host, port, ca, serverName } = this.address;
    const options: https.RequestOptions = {
      ...{ method, host, port, ca, servername: serverName },
      path: `/v1/${path}`,
      timeout: timeoutMs,
      // A connection of its own: the tunnel may end between two requests.
      agent: false,
      headers: {
        'x-vault-request': 'true',
        ...(this.token ? { 'x-vault-token': this.token } : {}),
        ...(body ? { 'content-length': body.size } : {}),
      },
    };
    return new Promise((resolve, reject) => {
      const request = https.request(options, resolve);
      request.on('timeout', () =>
        request.destroy(
          Object.assign(new Error(`Vault gave no answer within ${timeoutMs} ms.`), { code: 'ETIMEDOUT' }),
        ),
      );
      request.on('error', reject);
      if (body) body.stream.on('error', reject).pipe(request);
      else request.end();
    });
  }
}

function refusal(method: string, path: string, { status, text }: Answer): VaultError {
  const why = (parse(text).errors ?? []).join('; ') || `HTTP ${status}`;
  return new VaultError(status, `Vault refused ${method} ${path}: ${why}.`);
}

function parse(text: string): { errors?: string[] } {
  try {
    return JSON.parse(text) as { errors?: string[] };
  } catch {
    return {};
  }
}
