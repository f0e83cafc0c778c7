import neo4j, { type Driver } from 'neo4j-driver';

/** Where a Neo4j server is, and as whom to connect. */
export interface Neo4jAddress {
  readonly host: string;
  /** Port of the Bolt protocol. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/**
 * A driver, which connects when it is first used.
 * @see https://neo4j.com/docs/javascript-manual/5/connect-advanced/
 */
export function openDriver({ host, port, user, password }: Neo4jAddress): Driver {
  // The scheme neo4j lets a cluster pass writes on to its leader; a server answers with the address that it was asked at.
  return neo4j.driver(`neo4j://${host}:${port}`, neo4j.auth.basic(user, password), {
    disableLosslessIntegers: true,
    connectionTimeout: 5_000,
    connectionAcquisitionTimeout: 10_000,
    maxTransactionRetryTime: 3_000,
    telemetryDisabled: true,
  });
}
