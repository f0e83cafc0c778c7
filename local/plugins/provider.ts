import type { Diff } from './diff';
import type { PlainProperties, Properties } from './marshalling';

/** Which resource a call is about. */
export interface ResourceCall {
  readonly urn: string;
  /** Type token, such as `kubernetes:apps/v1:Deployment`. */
  readonly type: string;
  /** Logical name in the program. */
  readonly name: string;
}

export interface CheckCall extends ResourceCall {
  readonly olds: Properties;
  readonly news: Properties;
  /** Seed from which generated names must be derived, when the engine gives one. */
  readonly randomSeed: Uint8Array;
}

export interface CheckFailure {
  /** Property path of the faulty input. */
  readonly property: string;
  readonly reason: string;
}

export interface DiffCall extends ResourceCall {
  readonly id: string;
  readonly oldInputs: Properties;
  readonly oldOutputs: Properties;
  readonly news: Properties;
}

export interface CreateCall extends ResourceCall {
  readonly inputs: Properties;
  readonly preview: boolean;
  /** Seconds; 0 means the provider's default. */
  readonly timeout: number;
}

export interface UpdateCall extends CreateCall {
  readonly id: string;
  readonly oldInputs: Properties;
  readonly oldOutputs: Properties;
}

export interface ReadCall extends ResourceCall {
  readonly id: string;
  /** Inputs of the last update; empty when a resource is imported or looked up. */
  readonly inputs: Properties;
  readonly outputs: Properties;
}

export interface DeleteCall extends ResourceCall {
  readonly id: string;
  readonly inputs: Properties;
  readonly outputs: Properties;
  /** Seconds; 0 means the provider's default. */
  readonly timeout: number;
}

/** State of a resource after a call. */
export interface ResourceState {
  readonly id: string;
  readonly outputs: Properties;
  readonly inputs?: Properties;
}

/** Messages to the user, shown at the resource they are about. */
export interface Log {
  /** Replaces the resource's status line; gone when the resource is done. */
  status(urn: string, message: string): void;
  warning(urn: string, message: string): void;
}

/** What a plugin needs from its host. */
export interface Host {
  readonly log: Log;
  /** Aborted when the user cancels the update. */
  readonly cancelled: AbortSignal;
}

/** A Pulumi resource provider in terms of plain values; the server translates to and from gRPC. */
export interface Provider {
  /** Takes the provider's configuration; throws when it is not usable. */
  configure(config: PlainProperties): void;
  check(call: CheckCall): Promise<{ inputs: Properties; failures: CheckFailure[] }>;
  diff(call: DiffCall): Promise<Diff>;
  create(call: CreateCall): Promise<ResourceState>;
  /** Resolves undefined when the resource no longer exists. */
  read(call: ReadCall): Promise<ResourceState | undefined>;
  update(call: UpdateCall): Promise<Properties>;
  delete(call: DeleteCall): Promise<void>;
  invoke(token: string, args: PlainProperties): Promise<PlainProperties>;
}

/** The resource exists but did not become ready: Pulumi keeps it in the state and retries on the next update. */
export class InitFailedError extends Error {
  constructor(
    readonly state: ResourceState,
    readonly reasons: string[],
  ) {
    super(reasons.join('\n'));
    this.name = 'InitFailedError';
  }
}
