import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';

/** A port of the loopback interface whose connections continue under TLS. */
export interface TlsTunnel {
  /** Where to send plain HTTP. */
  readonly url: string;
  close(): Promise<void>;
}

/** Where a tunnel leads, and whom it trusts. */
export interface TlsTunnelOptions {
  readonly host: string;
  readonly port: number;
  /** PEM of the CA that signed the server's certificate. */
  readonly ca: string;
  /** Name that the certificate must be for. */
  readonly serverName: string;
}

/**
 * Opens a tunnel for a client that cannot be given a CA of its own, as Qdrant's.
 * @throws Error of node:tls when the server cannot be reached or its certificate is not trusted.
 */
export async function openTlsTunnel({ host, port, ca, serverName }: TlsTunnelOptions): Promise<TlsTunnel> {
  const dial = () => connect({ host, port, ca, servername: serverName });
  // Later the client only sees that the connection was lost; here the reason is known.
  const trial = dial();
  await once(trial, 'secureConnect');
  trial.destroy();
  const open = new Set<Socket>();
  const server = createServer((plain) => {
    const secure = dial();
    for (const [one, other] of [
      [plain, secure],
      [secure, plain],
    ] as const) {
      open.add(one);
      // The failure of either side reaches the client as a lost connection.
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    // Nothing is sent before the certificate was verified.
    secure.once('secureConnect', () => plain.pipe(secure).pipe(plain));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
