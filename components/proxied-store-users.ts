import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';

/** Where a proxy is, and which users it is to take. */
export interface ProxyUsersInputs {
  readonly namespace: string;
  readonly pod: string;
  /** Health port of the proxy. */
  readonly port: number;
  /** Secret whose key `ca.crt` verifies the proxy's certificate; absent without TLS. */
  readonly tlsSecret?: string;
  /** Name that the certificate must be for. */
  readonly serverName: string;
  /** SHA-256 of the file of users, which holds hashes. */
  readonly checksum: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/proxied-store-users-provider',
  methods: ['create', 'update'],
};

/** Done once a running proxy takes the users in its Secret, which reach a pod some time after they were written. */
export class ProxyUsers extends CompiledResource {
  constructor(
    name: string,
    inputs: { readonly [Key in keyof ProxyUsersInputs]: pulumi.Input<ProxyUsersInputs[Key]> },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(provider, 'kubernetes:ProxyUsers', name, { ...inputs }, opts);
  }
}
