import * as net from 'node:net';
import type { KubeConfig } from '@kubernetes/client-node';

/** Names of objects, which the forwarding library puts into a path as they are. */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** A local TCP listener on 127.0.0.1 that the API server forwards to a pod. */
export interface Tunnel {
  readonly host: '127.0.0.1';
  readonly port: number;
  close(): Promise<void>;
}

/** What a tunnel leads to. */
export interface TunnelEnd {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/**
 * Opens a loopback listener; each connection to it becomes one to the pod's port, and ends when either end does: also
 * when the server stops, its pod is deleted, nothing listens on the port, or the API server goes away.
 * @throws Error for what is no name or port, and when no local port can be opened; a pod that does not exist shows only in
 * the connections.
 * @see https://kubernetes.io/docs/tasks/access-application-cluster/port-forward-access-application-cluster/
 */
export async function openTunnel(config: KubeConfig, { namespace, pod, port }: TunnelEnd): Promise<Tunnel> {
  checkEnd({ namespace, pod, port });
  const { PortForward } = await import('@kubernetes/client-node/dist/portforward.js');
  const forwarder = new PortForward(config, true);
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    forwarder.portForward(namespace, pod, [port], socket, null, socket).then(
      (opened) => endTogether(socket, typeof opened === 'function' ? opened() : opened),
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    host: '127.0.0.1',
    port: (server.address() as net.AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function checkEnd({ namespace, pod, port }: TunnelEnd): void {
  for (const [what, name] of Object.entries({ namespace, pod }))
    if (!OBJECT_NAME.test(name))
      throw new Error(
        `A tunnel's ${what} must be the name of a Kubernetes object, got ${JSON.stringify(name)}.`,
      );
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`A tunnel's port must be an integer from 1 to 65535, got ${JSON.stringify(port)}.`);
}

/** What is used of a WebSocket. */
interface RemoteEnd {
  addEventListener(event: 'close', listener: () => void): void;
  close(): void;
}

/** Without this, a client would wait for ever for a server that is gone: the forwarding library tells it nothing. */
function endTogether(socket: net.Socket, remote: RemoteEnd | null): void {
  if (remote === null || socket.destroyed) {
    remote?.close();
    socket.destroy();
    return;
  }
  socket.on('close', () => remote.close());
  // What the server said last still reaches the client.
  remote.addEventListener('close', () => socket.destroySoon());
}
