import * as grpc from '@grpc/grpc-js';
import { EngineClient } from '@pulumi/pulumi/proto/engine_grpc_pb';
import { LogRequest, LogSeverity } from '@pulumi/pulumi/proto/engine_pb';
import type { Log } from './provider';

/** Sends messages to the Pulumi engine; without an engine (plugin started by hand) they are dropped. */
export class EngineLog implements Log {
  private engine: EngineClient | undefined;

  constructor(address: string | undefined) {
    if (address) this.connect(address);
  }

  /** Uses the engine at `host:port` from now on. */
  connect(address: string): void {
    this.engine = new EngineClient(address, grpc.credentials.createInsecure());
  }

  status(urn: string, message: string): void {
    this.send(urn, message, LogSeverity.INFO, true);
  }

  warning(urn: string, message: string): void {
    this.send(urn, message, LogSeverity.WARNING, false);
  }

  private send(urn: string, message: string, severity: LogSeverity, ephemeral: boolean): void {
    const request = new LogRequest()
      .setUrn(urn)
      .setMessage(message)
      .setSeverity(severity)
      .setEphemeral(ephemeral);
    // A lost message must not fail the operation it describes.
    this.engine?.log(request, () => undefined);
  }
}
