import * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';
import type { AddressRange } from './network-policies-args';

/** Arguments of {@link ApiServerAddresses}. */
export interface ApiServerAddressesArgs {
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/api-server-addresses-provider',
  methods: ['check', 'create', 'update'],
};

/**
 * Where pods reach the API server: the addresses behind its Service, as the cluster has them at every preview and update.
 * @see https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export class ApiServerAddresses extends CompiledResource {
  declare readonly ranges: pulumi.Output<readonly AddressRange[]>;

  constructor(name: string, args: ApiServerAddressesArgs, opts?: pulumi.CustomResourceOptions) {
    super(provider, 'kubernetes:ApiServerAddresses', name, { ...args, ranges: undefined }, opts);
  }
}
