import neo4j, { type Driver } from 'neo4j-driver';
import type { ServerIdentity } from '../http-client';
import { openTlsTunnel } from '../qdrant/tls-tunnel';

/** Where a Neo4j server is, and as whom to connect. */
export interface Neo4jAddress {
  readonly host: string;
  /** Port of the Bolt protocol. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Omitted means a connection without TLS. */
  readonly tls?: ServerIdentity;
}

/** A driver, and what it goes through. */
export interface OpenDriver {
  readonly driver: Driver;
  close(): Promise<void>;
}

/**
 * Opens a driver, which logs in when it is first used.
 * @param integers What integers of the server become; default `number`, which keeps 53 bits.
 * @throws Error of node:tls when the server cannot be reached over TLS or its certificate is not trusted.
 * @see https://neo4j.com/docs/javascript-manual/5/connect-advanced/
 */
export async function openDriver(
  { host, port, user, password, tls }: Neo4jAddress,
  integers: 'number' | 'bigint' = 'number',
): Promise<OpenDriver> {
  // The driver verifies the name that it connects to, and takes authorities only from files.
  const tunnel = tls && (await openTlsTunnel({ host, port, ...tls }));
  const address = tunnel ? new URL(tunnel.url).host : `${host}:${port}`;
  // The scheme neo4j lets a cluster pass writes on to its leader; a server answers with the address that it was asked at.
  const driver = neo4j.driver(`neo4j://${address}`, neo4j.auth.basic(user, password), {
    ...(integers === 'bigint' ? { useBigInt: true } : { disableLosslessIntegers: true }),
    connectionTimeout: 5_000,
    connectionAcquisitionTimeout: 10_000,
    maxTransactionRetryTime: 3_000,
    telemetryDisabled: true,
  });
  const close = async () => {
    await driver.close();
    await tunnel?.close();
  };
  return { driver, close };
}
