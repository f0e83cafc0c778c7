import * as fs from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { ResourceProviderService } from '@pulumi/pulumi/proto/provider_grpc_pb';
import { EngineLog } from './engine-log';
import type { Host, Provider } from './provider';
import { service } from './service';

/** How a plugin is described to the engine. */
export interface PluginDescription {
  /** Version of the SDK package whose resource types the plugin serves. */
  readonly version: string;
  /** Makes the provider; called after the port is printed, so that loading its libraries delays nobody. */
  readonly load: (host: Host) => Provider;
}

/** Messages as large as the engine's own limit: 400 MiB. */
const maximumMessageBytes = 400 * 1024 * 1024;

/**
 * Serves a resource provider on a free loopback port, prints that port on stdout as the engine expects, and
 * exits when the engine does.
 */
export async function serve({ version, load }: PluginDescription): Promise<void> {
  const log = new EngineLog(process.argv.slice(2).find((argument) => !argument.startsWith('-')));
  const cancellation = new AbortController();
  let provider: Provider | undefined;
  const loaded = () => (provider ??= load({ log, cancelled: cancellation.signal }));
  const server = new grpc.Server({
    'grpc.max_receive_message_length': maximumMessageBytes,
    'grpc.max_send_message_length': maximumMessageBytes,
  });
  server.addService(
    ResourceProviderService,
    service({ version, provider: loaded, log, cancel: () => cancellation.abort() }),
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  process.stdout.write(`${port}\n`);
  exitWithParent();
  setImmediate(loaded);
}

/** The engine holds the other end of stdin: its end is the engine's end, however that came. */
function exitWithParent(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));
  const stdin = fs.fstatSync(0);
  if (!stdin.isFIFO() && !stdin.isSocket()) return;
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
}
