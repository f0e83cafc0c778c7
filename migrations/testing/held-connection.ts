import net from 'node:net';

/** What of an exchange between a client and a server gets lost. */
type Lost = 'request' | 'answer';

/**
 * A TCP listener in front of a server, on which one request can be kept without an answer: its client is inside that
 * request until it gives up, or is killed, or the server goes away.
 */
export class HeldConnection {
  readonly host = '127.0.0.1';
  private readonly sockets = new Set<net.Socket>();
  private awaited: { readonly text: string; readonly lost: Lost } | undefined;
  private held: net.Socket | undefined;

  private constructor(
    private readonly listener: net.Server,
    private readonly server: { readonly host: string; readonly port: number },
  ) {
    listener.on('connection', (client) => this.relay(client));
  }

  static async open(server: { readonly host: string; readonly port: number }): Promise<HeldConnection> {
    const listener = net.createServer();
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(0, '127.0.0.1', resolve);
    });
    return new HeldConnection(listener, server);
  }

  get port(): number {
    return (this.listener.address() as net.AddressInfo).port;
  }

  /**
   * Keeps the next request that contains the text without its answer, which others then get again.
   * @param lost `answer`: the server does what it is asked. `request`: it never hears of it.
   */
  hold(text: string, lost: Lost): void {
    this.awaited = { text, lost };
    this.held = undefined;
  }

  /** Whether that request has come, and its client still waits. */
  get holding(): boolean {
    return this.held !== undefined && !this.held.destroyed;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private relay(client: net.Socket): void {
    const server = net.connect(this.server);
    let lost: Lost | undefined;
    let seen = '';
    client.on('data', (chunk) => {
      if (this.awaited) {
        const { text } = this.awaited;
        // What is searched for may be spread over two chunks.
        seen = seen.slice(-text.length) + chunk.toString('latin1');
        if (seen.includes(text)) {
          ({ lost } = this.awaited);
          this.awaited = undefined;
          this.held = client;
        }
      }
      if (lost !== 'request') server.write(chunk);
    });
    server.on('data', (chunk) => {
      if (!lost) client.write(chunk);
    });
    this.closeTogether(client, server);
    this.closeTogether(server, client);
  }

  /** A killed process ends its connections, and the other side hears of it. */
  private closeTogether(one: net.Socket, other: net.Socket): void {
    this.sockets.add(one);
    one.on('error', () => other.destroy());
    one.on('end', () => other.end());
    one.on('close', () => {
      this.sockets.delete(one);
      other.end();
    });
  }
}
