import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';

/** Pods of one Redis that use the passwords of a rotation without a restart. */
export interface RedisReloadInputs {
  readonly namespace: string;
  /** StatefulSets, and the container with the server in their pods. */
  readonly workloads: readonly { readonly name: string; readonly container: string }[];
  /** Content of the internal Secrets, as their key `revision` says. */
  readonly revision: string;
  /** `acl`: the logins that running pods accept; `all`: the passwords that all pods log in with elsewhere, too. */
  readonly what: 'acl' | 'all';
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/redis-reload-provider',
  methods: ['create', 'update'],
};

/**
 * Has the pods load their Secrets at creation and after every change, and is done when all of them did. Runs a script in them
 * (`pods/exec`).
 * @see https://redis.io/docs/latest/commands/acl-load/
 */
export class RedisReload extends CompiledResource {
  constructor(
    name: string,
    args: Omit<RedisReloadInputs, 'revision'> & { readonly revision: pulumi.Input<string> },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(provider, 'redis:Reload', name, { ...args }, opts);
  }
}
