import * as grpc from '@grpc/grpc-js';
import type { Message } from 'google-protobuf';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { ResourceProviderClient, ResourceProviderService } from '@pulumi/pulumi/proto/provider_grpc_pb';
import * as pb from '@pulumi/pulumi/proto/provider_pb';
import { Status } from '@pulumi/pulumi/proto/status_pb';
import { EngineLog } from './engine-log';
import { type PlainProperties, type Properties, decode, encode } from './marshalling';
import type { Host, Log, Provider } from './provider';
import { service } from './service';

/** Collects what a provider tells the user. */
export class RecordingLog implements Log {
  readonly messages: string[] = [];

  status(_urn: string, message: string): void {
    this.messages.push(message);
  }

  warning(_urn: string, message: string): void {
    this.messages.push(message);
  }
}

/** What Pulumi keeps of a resource. */
export interface RecordedState {
  urn: string;
  id: string;
  inputs: Properties;
  outputs: Properties;
}

interface CreateOptions {
  preview?: boolean;
  timeout?: number;
}

/** Drives a provider through its gRPC service as the engine does, for tests. */
export class PluginClient {
  private constructor(
    private readonly server: grpc.Server,
    private readonly client: ResourceProviderClient,
    readonly log: RecordingLog,
  ) {}

  /** Serves the provider in this process and configures it. */
  static async start(load: (host: Host) => Provider, config: PlainProperties = {}): Promise<PluginClient> {
    const log = new RecordingLog();
    const cancellation = new AbortController();
    const provider = load({ log, cancelled: cancellation.signal });
    const server = new grpc.Server();
    const options = {
      version: '0.0.0',
      provider: () => provider,
      log: new EngineLog(undefined),
      cancel: () => cancellation.abort(),
    };
    server.addService(ResourceProviderService, service(options));
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    const client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    const plugin = new PluginClient(server, client, log);
    const request = new pb.ConfigureRequest().setArgs(encode(config)).setAcceptsecrets(true);
    await plugin.call<pb.ConfigureResponse>('configure', request).catch((error: unknown) => {
      plugin.stop();
      throw error;
    });
    return plugin;
  }

  stop(): void {
    this.client.close();
    this.server.forceShutdown();
  }

  async cancel(): Promise<void> {
    await this.call('cancel', new Empty());
  }

  /** Asks for a component, as `Construct` does. */
  async construct(type: string): Promise<void> {
    await this.call('construct', new pb.ConstructRequest().setType(type));
  }

  async check(urn: string, news: Properties, olds: Properties = {}) {
    const request = new pb.CheckRequest().setUrn(urn).setNews(encode(news)).setOlds(encode(olds));
    const response = await this.call<pb.CheckResponse>('check', request);
    const failures = response.getFailuresList().map((failure) => failure.toObject());
    return { inputs: decode(response.getInputs()), failures };
  }

  async diff(state: RecordedState, news: Properties) {
    const request = new pb.DiffRequest()
      .setUrn(state.urn)
      .setId(state.id)
      .setOldInputs(encode(state.inputs))
      .setOlds(encode(state.outputs))
      .setNews(encode(news));
    const response = await this.call<pb.DiffResponse>('diff', request);
    const kinds = Object.keys(pb.PropertyDiff.Kind);
    const detail: Record<string, string> = {};
    response.getDetaileddiffMap().forEach((value, path) => {
      detail[path] = kinds[value.getKind()]!;
    });
    return {
      detail,
      replaces: response.getReplacesList(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
    };
  }

  async create(urn: string, inputs: Properties, options: CreateOptions = {}): Promise<RecordedState> {
    const request = new pb.CreateRequest()
      .setUrn(urn)
      .setProperties(encode(inputs))
      .setPreview(options.preview ?? false)
      .setTimeout(options.timeout ?? 0);
    const response = await this.call<pb.CreateResponse>('create', request);
    return { urn, id: response.getId(), inputs, outputs: decode(response.getProperties()) };
  }

  async update(
    state: RecordedState,
    inputs: Properties,
    options: CreateOptions = {},
  ): Promise<RecordedState> {
    const request = new pb.UpdateRequest()
      .setUrn(state.urn)
      .setId(state.id)
      .setOldInputs(encode(state.inputs))
      .setOlds(encode(state.outputs))
      .setNews(encode(inputs))
      .setPreview(options.preview ?? false)
      .setTimeout(options.timeout ?? 0);
    const response = await this.call<pb.UpdateResponse>('update', request);
    return { ...state, inputs, outputs: decode(response.getProperties()) };
  }

  /** Resolves undefined when the resource is gone. */
  async read(state: RecordedState): Promise<RecordedState | undefined> {
    const request = new pb.ReadRequest()
      .setUrn(state.urn)
      .setId(state.id)
      .setInputs(encode(state.inputs))
      .setProperties(encode(state.outputs));
    const response = await this.call<pb.ReadResponse>('read', request);
    if (response.getId() === '') return undefined;
    const inputs = response.getInputs();
    return {
      urn: state.urn,
      id: response.getId(),
      inputs: inputs ? decode(inputs) : state.inputs,
      outputs: decode(response.getProperties()),
    };
  }

  async delete(state: RecordedState, timeout = 0): Promise<void> {
    const request = new pb.DeleteRequest()
      .setUrn(state.urn)
      .setId(state.id)
      .setOldInputs(encode(state.inputs))
      .setProperties(encode(state.outputs))
      .setTimeout(timeout);
    await this.call('delete', request);
  }

  async invoke(token: string, args: Properties): Promise<Properties> {
    const request = new pb.InvokeRequest().setTok(token).setArgs(encode(args));
    return decode((await this.call<pb.InvokeResponse>('invoke', request)).getReturn());
  }

  private call<Response extends Message>(method: string, request: Message): Promise<Response> {
    return new Promise((resolve, reject) => {
      const methods = this.client as unknown as Record<
        string,
        (request: Message, callback: (error: grpc.ServiceError | null, response: Response) => void) => void
      >;
      methods[method]!.call(this.client, request, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  }
}

/** The state that an error of a half-done operation carries. */
export function partialState(urn: string, error: unknown): RecordedState & { reasons: string[] } {
  const [packed] = (error as grpc.ServiceError).metadata.get('grpc-status-details-bin');
  const status = Status.deserializeBinary(new Uint8Array(packed as Buffer));
  const any = status.getDetailsList()[0]!;
  const failure = pb.ErrorResourceInitFailed.deserializeBinary(any.getValue_asU8());
  return {
    urn,
    id: failure.getId(),
    inputs: decode(failure.getInputs()),
    outputs: decode(failure.getProperties()),
    reasons: failure.getReasonsList(),
  };
}
