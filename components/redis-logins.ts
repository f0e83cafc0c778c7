import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';
import { generatedPassword } from './password';
import { aclUserNames, ApplicationRules } from './redis-acl';

/** Passwords by ACL user: those of the platform and those of the applications. */
export type Passwords = Readonly<Record<string, pulumi.Output<string>>>;

/** Declares a password for each user of the platform and each application. */
export function generatedPasswords(
  name: string,
  applications: ApplicationRules,
  parent: pulumi.Resource,
): Passwords {
  const users = [...aclUserNames, ...Object.keys(applications)];
  return Object.fromEntries(users.map((user) => [user, generatedPassword(`${name}-${user}`, parent)]));
}

/** Declares the Secret `<name>-<user>` of each user that someone logs in as; returns their names. */
export function declareLogins<User extends string>(
  name: string,
  specs: Readonly<Record<User, { metadata: object; type: string; username: string }>>,
  passwords: Passwords,
  parent: pulumi.Resource,
): Record<User, pulumi.Output<string>> {
  const declare = (user: User) => {
    const { username, ...secret } = specs[user];
    const stringData = { username, password: passwords[user]! };
    return new k8s.core.v1.Secret(`${name}-${user}`, { ...secret, stringData }, { parent });
  };
  const users = Object.keys(specs) as User[];
  return Object.fromEntries(users.map((user) => [user, declare(user).metadata.name])) as Record<
    User,
    pulumi.Output<string>
  >;
}
