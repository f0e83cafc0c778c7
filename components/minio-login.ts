import { createHmac } from 'node:crypto';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { credential, slotUser } from './credential';
import type { MinioPolicy } from './minio-policies';
import { keysSecretName } from './minio-secrets';
import { type MinioService, MinioUser } from './minio-user';

/** A login of MinIO, with two users in turn so that the keys before a rotation stay valid until the next one. */
export interface MinioLoginArgs {
  readonly namespace: string;
  /** Secret with the current `accessKey` and `secretKey`. */
  readonly secret: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Access key of the first generation, and name of the policy. */
  readonly user: string;
  readonly policy: MinioPolicy;
  /** Counts rotations, from 1. */
  readonly rotation: number;
  readonly minio: MinioService;
  /** Whether the Secret also has a `token` for the metrics endpoints; default false. */
  readonly metricsToken?: boolean;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/** Pure specification of a login; {@link declareMinioLogin} adds the secret keys. */
export type MinioLoginSpec = ReturnType<typeof minioLoginSpec>;

/** Specifies the two Secrets and the user. */
export function minioLoginSpec(args: MinioLoginArgs) {
  const { namespace, secret, labels, user, policy, rotation, minio, context } = args;
  const keysSecret = keysSecretName(secret);
  return {
    user: {
      namespace,
      ...minio,
      accessKeys: rotation === 1 ? [user] : [user, slotUser(user, 'b')],
      keysSecret,
      policyName: user,
      policy,
      rotation,
      ...(context ? { context } : {}),
    },
    /** Secret keys of both users, by access key, for the platform alone. */
    keys: { metadata: { name: keysSecret, namespace, labels }, type: 'Opaque' },
    secret: { metadata: { name: secret, namespace, labels }, type: 'Opaque' },
    metricsToken: args.metricsToken ?? false,
  };
}

/** Declares a login; returns its Secret, which has a new key only once MinIO accepts it. */
export function declareMinioLogin(
  name: string,
  spec: MinioLoginSpec,
  { parent, dependsOn = [] }: { parent: pulumi.Resource; dependsOn?: pulumi.Resource[] },
): k8s.core.v1.Secret {
  const { policyName, rotation } = spec.user;
  const { slot, current, previous } = credential(name, rotation, parent);
  const accessKey = slotUser(policyName, slot);
  const before = slotUser(policyName, slot === 'a' ? 'b' : 'a');
  const keys = { [accessKey]: current, ...(previous ? { [before]: previous } : {}) };
  const kept = new k8s.core.v1.Secret(`${name}-keys`, { ...spec.keys, stringData: keys }, { parent });
  const user = new MinioUser(`${name}-user`, spec.user, { parent, dependsOn: [...dependsOn, kept] });
  const stringData = {
    accessKey,
    secretKey: current,
    ...(spec.metricsToken && {
      token: current.apply((secretKey) => metricsToken({ accessKey, secretKey })),
    }),
  } as Record<string, pulumi.Input<string>>;
  return new k8s.core.v1.Secret(name, { ...spec.secret, stringData }, { parent, dependsOn: user });
}

/**
 * Bearer token of the metrics endpoints, as `mc admin prometheus generate` makes it, but valid as long as the secret key.
 * @see https://github.com/minio/minio/blob/master/docs/metrics/prometheus/README.md
 */
export function metricsToken({ accessKey, secretKey }: { accessKey: string; secretKey: string }): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const text = `${encode({ alg: 'HS512', typ: 'JWT' })}.${encode({ sub: accessKey, iss: 'prometheus' })}`;
  return `${text}.${createHmac('sha512', secretKey).update(text).digest('base64url')}`;
}
