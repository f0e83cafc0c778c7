import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { credential, type Credential } from './credential';
import { checksum } from './metadata';
import {
  type AcceptedPasswords,
  aclFile,
  type AclSide,
  type AclUserName,
  aclUserNames,
  type ApplicationRules,
} from './redis-acl';
import { REVISION_KEY } from './redis-pods';
import { RedisReload, type RedisReloadInputs } from './redis-reload';

type SecretSpec = { readonly metadata: object };
type LoginSpec = SecretSpec & { readonly metadata: { readonly name: string }; readonly username: string };

/** What the logins of one Redis are made of. */
export interface LoginsArgs<Consumer extends string> {
  readonly secrets: {
    readonly acl: SecretSpec;
    readonly replication: SecretSpec;
    readonly consumers: Readonly<Record<Consumer, LoginSpec>>;
    readonly applications: Readonly<Record<string, LoginSpec>>;
  };
  /** Kinds of its pods. */
  readonly sides: readonly AclSide[];
  /** Users that its pods log in as. */
  readonly internal: readonly AclUserName[];
  readonly applications: ApplicationRules;
  /** Generation of all passwords, from 1. */
  readonly generation: number;
  readonly pods: Pick<RedisReloadInputs, 'namespace' | 'workloads' | 'context'>;
}

/**
 * The passwords of one Redis. A rotation goes in steps, each of which waits for the one before: every pod accepts the new
 * passwords beside the old ones; then the pods use the new ones; then the Secrets that applications read have them. Nothing
 * restarts, and open connections stay.
 */
export class RedisLogins<Consumer extends string> {
  /** Secrets that the pods mount. */
  readonly mounted: readonly pulumi.Resource[];
  private readonly credentials: Readonly<Record<string, Credential>>;
  private readonly revision: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: LoginsArgs<Consumer>,
    private readonly parent: pulumi.Resource,
  ) {
    const { secrets, generation, applications, internal } = args;
    const users = [...aclUserNames, ...Object.keys(applications)];
    this.credentials = Object.fromEntries(
      users.map((user) => [user, credential(`${name}-${user}`, generation, parent)]),
    );
    const acl = this.aclFiles();
    // It tells nothing: what goes in are digests of long random passwords.
    this.revision = pulumi.unsecret(acl.apply((files) => checksum(JSON.stringify(files))));
    const revision = { [REVISION_KEY]: this.revision };
    const accepted = new k8s.core.v1.Secret(
      `${name}-acl`,
      { ...secrets.acl, stringData: acl.apply((files) => pulumi.all({ ...files, ...revision })) },
      { parent },
    );
    const loaded = this.reload('acl', [accepted]);
    const passwords = Object.fromEntries(internal.map((user) => [user, this.credentials[user]!.current]));
    const replication = new k8s.core.v1.Secret(
      `${name}-replication`,
      { ...secrets.replication, stringData: { ...passwords, ...revision } },
      { parent, dependsOn: [loaded] },
    );
    this.mounted = [accepted, replication];
  }

  /** Declares the Secret `<name>-<user>` of each user that someone logs in as; returns the names of those of the platform. */
  declareSecrets(workloads: readonly pulumi.Resource[]): Record<Consumer, pulumi.Output<string>> {
    const { consumers, applications } = this.args.secrets;
    const dependsOn = [this.reload('all', [...this.mounted, ...workloads])];
    const declare = ([user, { username, ...secret }]: [string, LoginSpec]) => {
      const stringData = { username, password: this.credentials[user]!.current };
      const options = { parent: this.parent, dependsOn };
      const declared = new k8s.core.v1.Secret(`${this.name}-${user}`, { ...secret, stringData }, options);
      return [user, declared.metadata.name];
    };
    Object.entries(applications).forEach(declare);
    return Object.fromEntries(Object.entries<LoginSpec>(consumers).map(declare)) as Record<
      Consumer,
      pulumi.Output<string>
    >;
  }

  private aclFiles(): pulumi.Output<Record<string, string>> {
    const { sides, applications } = this.args;
    return pulumi.output(this.credentials).apply((clear) => {
      const accepted: AcceptedPasswords = Object.fromEntries(
        Object.entries(clear).map(([user, { current, previous }]) => [
          user,
          previous === undefined ? [current] : [current, previous],
        ]),
      );
      return Object.fromEntries(sides.map((side) => [`${side}.acl`, aclFile(side, accepted, applications)]));
    });
  }

  private reload(what: RedisReloadInputs['what'], dependsOn: pulumi.Resource[]): RedisReload {
    const name = what === 'acl' ? `${this.name}-logins-accepted` : `${this.name}-passwords-used`;
    const args = { ...this.args.pods, revision: this.revision, what };
    return new RedisReload(name, args, { parent: this.parent, dependsOn });
  }
}
