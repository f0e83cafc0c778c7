import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';

/** A Neo4j user and its roles; the password is read from a Secret and never enters the state. */
export interface Neo4jUserInputs {
  readonly namespace: string;
  /** Service of the Bolt port. */
  readonly service: string;
  readonly port: number;
  /** Secret with the administrator's `username` and `password`. */
  readonly adminSecret: string;
  /** Secret with the user's `username` and `password`. */
  readonly userSecret: string;
  /** Roles of Enterprise; empty in Community, where every user may do everything but administer others. */
  readonly roles: readonly string[];
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/neo4j-user-provider',
  methods: ['create', 'update'],
};

/** A user of Neo4j; it stays there when the stack is destroyed. */
export class Neo4jUser extends CompiledResource {
  constructor(name: string, args: pulumi.Inputs & Neo4jUserInputs, opts?: pulumi.CustomResourceOptions) {
    super(provider, 'neo4j:User', name, { ...args }, opts);
  }
}
