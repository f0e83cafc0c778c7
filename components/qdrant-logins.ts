import { createHmac } from 'node:crypto';
import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';
import { LOGINS } from '../migrations/targets/qdrant/format';

/** Rights in a token: on everything, or on the collections and aliases that are named. */
export type QdrantAccess = 'r' | readonly { readonly collection: string; readonly access: 'r' | 'rw' }[];

/**
 * A token that is valid as long as the login's generation is in the collection of the logins.
 * @param apiKey Signs it.
 * @see https://qdrant.tech/documentation/guides/security/#granular-access-control-with-jwt
 */
export function loginToken(apiKey: string, login: string, rotation: number, access: QdrantAccess): string {
  const matches = [
    { key: 'login', value: login },
    { key: 'generation', value: rotation },
  ];
  const claims = { access, value_exists: { collection: LOGINS, matches }, subject: login };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', apiKey).update(text).digest('base64url')}`;
}

/** Which tokens a Qdrant accepts: of each login those of this generation and of the one before. */
export interface QdrantLoginsInputs {
  readonly namespace: string;
  /** Service of the REST API. */
  readonly service: string;
  readonly port: number;
  /** Secret with the `apiKey` that may do everything. */
  readonly apiKeySecret: string;
  /** Secret whose key `ca.crt` verifies the server's certificate; default no TLS. */
  readonly caSecret?: string;
  readonly logins: readonly string[];
  /** Counts rotations, from 1. */
  readonly rotation: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/qdrant-logins-provider',
  methods: ['create', 'update'],
};

/** Makes the tokens of a generation valid and those of the last but one invalid; they stay when the stack is destroyed. */
export class QdrantLogins extends CompiledResource {
  constructor(name: string, args: pulumi.Inputs & QdrantLoginsInputs, opts?: pulumi.CustomResourceOptions) {
    super(provider, 'qdrant:Logins', name, { ...args }, opts);
  }
}
