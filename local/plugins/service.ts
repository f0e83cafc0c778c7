import * as grpc from '@grpc/grpc-js';
import type { Message } from 'google-protobuf';
import { Any } from 'google-protobuf/google/protobuf/any_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { PluginInfo, type PluginAttach } from '@pulumi/pulumi/proto/plugin_pb';
import * as pb from '@pulumi/pulumi/proto/provider_pb';
import { Status } from '@pulumi/pulumi/proto/status_pb';
import { type Change, type Diff, formatPath } from './diff';
import type { EngineLog } from './engine-log';
import { type PlainProperties, decode, encode, reveal } from './marshalling';
import { InitFailedError, type Provider } from './provider';

interface ServiceOptions {
  readonly version: string;
  readonly provider: () => Provider;
  readonly log: EngineLog;
  readonly cancel: () => void;
}

type Handler = grpc.handleUnaryCall<Message, Message>;

/** The gRPC methods of Pulumi's ResourceProvider service for one provider. */
export function service(options: ServiceOptions): grpc.UntypedServiceImplementation {
  return { ...lifecycle(options), ...resources(options.provider), ...unsupported() };
}

function lifecycle({ version, provider, log, cancel }: ServiceOptions): Record<string, Handler> {
  return {
    getPluginInfo: unary(() => new PluginInfo().setVersion(version)),
    handshake: unary((request: pb.ProviderHandshakeRequest) => {
      log.connect(request.getEngineAddress());
      return new pb.ProviderHandshakeResponse().setAcceptSecrets(true).setAcceptOutputs(true);
    }),
    attach: unary((request: PluginAttach) => {
      log.connect(request.getAddress());
      return new Empty();
    }),
    cancel: unary(() => {
      cancel();
      return new Empty();
    }),
    checkConfig: unary((request: pb.CheckRequest) => new pb.CheckResponse().setInputs(request.getNews())),
    configure: unary((request: pb.ConfigureRequest) => {
      provider().configure(configuration(request));
      return new pb.ConfigureResponse()
        .setAcceptsecrets(true)
        .setAcceptoutputs(true)
        .setSupportspreview(true);
    }),
    invoke: unary(async (request: pb.InvokeRequest) => {
      const result = await provider().invoke(request.getTok(), reveal(decode(request.getArgs())));
      return new pb.InvokeResponse().setReturn(encode(result));
    }),
  };
}

function resources(provider: () => Provider): Record<string, Handler> {
  return {
    check: unary(async (request: pb.CheckRequest) => {
      const { inputs, failures } = await provider().check({
        ...identity(request),
        olds: decode(request.getOlds()),
        news: decode(request.getNews()),
        randomSeed: request.getRandomseed_asU8(),
      });
      return new pb.CheckResponse()
        .setInputs(encode(inputs))
        .setFailuresList(
          failures.map((f) => new pb.CheckFailure().setProperty(f.property).setReason(f.reason)),
        );
    }),
    diff: unary(async (request: pb.DiffRequest) =>
      diffResponse(
        await provider().diff({
          ...identity(request),
          id: request.getId(),
          oldInputs: decode(request.getOldInputs()),
          oldOutputs: decode(request.getOlds()),
          news: decode(request.getNews()),
        }),
      ),
    ),
    create: unary(async (request: pb.CreateRequest) => {
      const state = await provider().create({
        ...identity(request),
        inputs: decode(request.getProperties()),
        preview: request.getPreview(),
        timeout: request.getTimeout(),
      });
      return new pb.CreateResponse().setId(state.id).setProperties(encode(state.outputs));
    }),
    read: unary(async (request: pb.ReadRequest) => {
      const state = await provider().read({
        ...identity(request),
        id: request.getId(),
        inputs: decode(request.getInputs()),
        outputs: decode(request.getProperties()),
      });
      if (!state) return new pb.ReadResponse();
      return new pb.ReadResponse()
        .setId(state.id)
        .setProperties(encode(state.outputs))
        .setInputs(state.inputs && encode(state.inputs));
    }),
    update: unary(async (request: pb.UpdateRequest) => {
      const outputs = await provider().update({
        ...identity(request),
        id: request.getId(),
        oldInputs: decode(request.getOldInputs()),
        oldOutputs: decode(request.getOlds()),
        inputs: decode(request.getNews()),
        preview: request.getPreview(),
        timeout: request.getTimeout(),
      });
      return new pb.UpdateResponse().setProperties(encode(outputs));
    }),
    delete: unary(async (request: pb.DeleteRequest) => {
      await provider().delete({
        ...identity(request),
        id: request.getId(),
        inputs: decode(request.getOldInputs()),
        outputs: decode(request.getProperties()),
        timeout: request.getTimeout(),
      });
      return new Empty();
    }),
  };
}

/** Methods the engine copes without; `construct` and `call` name what the program must not use here. */
function unsupported(): Record<string, Handler> {
  const refuse = (what: string): Handler =>
    unary(() => {
      throw unimplemented(`${what} needs the official plugin: the stand-in in local/plugins lacks it.`);
    });
  const methods = ['diffConfig', 'parameterize', 'getMapping', 'getMappings', 'getSchema', 'list', 'call'];
  return {
    ...Object.fromEntries(methods.map((method) => [method, refuse(`The provider method ${method}`)])),
    construct: unary((request: pb.ConstructRequest) => {
      throw unimplemented(
        `The component ${request.getType()} needs the official plugin: the stand-in in local/plugins serves single resources only.`,
      );
    }),
  };
}

function unimplemented(details: string): Error {
  return Object.assign(new Error(details), { code: grpc.status.UNIMPLEMENTED });
}

function identity(request: { getUrn(): string; getType(): string; getName(): string }) {
  // An URN ends in `<parent types>$<type>::<name>`; engines before 3.104 send neither type nor name.
  const [typePath = '', ...name] = request.getUrn().split('::').slice(2);
  return {
    urn: request.getUrn(),
    type: request.getType() || typePath.split('$').pop()!,
    name: request.getName() || name.join('::'),
  };
}

function configuration(request: pb.ConfigureRequest): PlainProperties {
  const config: PlainProperties = reveal(decode(request.getArgs()));
  request.getVariablesMap().forEach((value, key) => {
    config[key.split(':').pop()!] ??= value;
  });
  return config;
}

function diffResponse({ changes, replaces, deleteBeforeReplace }: Diff): pb.DiffResponse {
  const response = new pb.DiffResponse()
    .setChanges(
      changes.length > 0 ? pb.DiffResponse.DiffChanges.DIFF_SOME : pb.DiffResponse.DiffChanges.DIFF_NONE,
    )
    .setHasdetaileddiff(true)
    .setDiffsList([...new Set(changes.map(({ path }) => String(path[0])))]);
  for (const change of changes) {
    const detail = new pb.PropertyDiff().setKind(kindOf(change, replaces(change))).setInputdiff(true);
    response.getDetaileddiffMap().set(formatPath(change.path), detail);
  }
  const replacing = changes.filter(replaces);
  response.setReplacesList([...new Set(replacing.map(({ path }) => String(path[0])))]);
  response.setDeletebeforereplace(replacing.length > 0 && deleteBeforeReplace === true);
  return response;
}

function kindOf({ kind }: Change, replace: boolean): pb.PropertyDiff.Kind {
  const kinds = pb.PropertyDiff.Kind;
  if (kind === 'add') return replace ? kinds.ADD_REPLACE : kinds.ADD;
  if (kind === 'delete') return replace ? kinds.DELETE_REPLACE : kinds.DELETE;
  return replace ? kinds.UPDATE_REPLACE : kinds.UPDATE;
}

/** Adapts a function of the request to gRPC's callback style. */
function unary<Request extends Message>(run: (request: Request) => Message | Promise<Message>): Handler {
  return (call, callback) => {
    Promise.resolve()
      .then(() => run(call.request as Request))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(serviceError(error)),
      );
  };
}

function serviceError(error: unknown): Partial<grpc.StatusObject> {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof InitFailedError)
    return { code: grpc.status.UNKNOWN, details: message, metadata: initFailed(error, message) };
  const code = (error as { code?: unknown }).code;
  // Every other failure means that nothing was done: the engine may forget the operation.
  return { code: typeof code === 'number' ? code : grpc.status.FAILED_PRECONDITION, details: message };
}

/** Rich error details travel in a metadata entry, see https://grpc.io/docs/guides/error/#richer-error-model. */
function initFailed({ state, reasons }: InitFailedError, message: string): grpc.Metadata {
  const detail = new pb.ErrorResourceInitFailed()
    .setId(state.id)
    .setProperties(encode(state.outputs))
    .setInputs(state.inputs && encode(state.inputs))
    .setReasonsList(reasons);
  const any = new Any();
  any.pack(detail.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed');
  const status = new Status().setCode(grpc.status.UNKNOWN).setMessage(message).setDetailsList([any]);
  const metadata = new grpc.Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(status.serializeBinary()));
  return metadata;
}
