import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';

/** The users of one role of the platform, which have the same rights; passwords are read from a Secret and never enter the state. */
export interface Neo4jUserInputs {
  readonly namespace: string;
  /** Service of the Bolt port. */
  readonly service: string;
  readonly port: number;
  /** Secret with the administrator's `username` and `password`, as they were accepted last. */
  readonly adminSecret: string;
  /** Secret with the passwords of all users, by user; of them, `neo4j` is there from a server's first start on. */
  readonly loginsSecret: string;
  readonly users: readonly string[];
  /** Roles of Enterprise; empty in Community, where every user may do everything. */
  readonly roles: readonly string[];
  /** Changes with the passwords. */
  readonly rotation: number;
  /** Secret whose key `ca.crt` verifies the server's certificate, which must be for the Service; absent without TLS. */
  readonly tlsSecret?: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/neo4j-user-provider',
  methods: ['create', 'update'],
};

/** Users of Neo4j; they stay there when the stack is destroyed. */
export class Neo4jUser extends CompiledResource {
  constructor(name: string, args: pulumi.Inputs & Neo4jUserInputs, opts?: pulumi.CustomResourceOptions) {
    super(provider, 'neo4j:User', name, { ...args }, opts);
  }
}
