import { credentials } from '@grpc/grpc-js';
import { EngineClient } from '@pulumi/pulumi/proto/engine_grpc_pb';
import { LogRequest, LogSeverity } from '@pulumi/pulumi/proto/engine_pb';

/** Severity of a diagnostic. */
export type Severity = 'info' | 'warning';

/** Shows a message to the person who runs Pulumi; `ephemeral` ones only while the resource is worked on. */
export type Report = (
  severity: Severity,
  message: string,
  options?: { ephemeral?: boolean },
) => Promise<void>;

const severities = { info: LogSeverity.INFO, warning: LogSeverity.WARNING };
let client: EngineClient | undefined;

/**
 * Reports under a resource: Pulumi starts a provider plugin with the engine's address as argument, whose Log call takes a URN
 * (lines on the plugin's standard output would show under the stack instead). Without an engine the lines go there.
 * @see https://github.com/pulumi/pulumi/blob/master/proto/pulumi/engine.proto
 */
export function reportUnder(urn: string): Report {
  const address = process.argv.slice(2).findLast((argument) => /^[\w.:[\]-]+:\d+$/.test(argument));
  return async (severity, message, options = {}) => {
    if (address === undefined) {
      console.log(message);
      return;
    }
    client ??= new EngineClient(address, credentials.createInsecure());
    const request = new LogRequest()
      .setSeverity(severities[severity])
      .setMessage(message)
      .setUrn(urn)
      .setEphemeral(options.ephemeral ?? false);
    await new Promise<void>((resolve, reject) => {
      client!.log(request, (error) => (error ? reject(error) : resolve()));
    });
  };
}
