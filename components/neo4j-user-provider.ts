import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { forwardWhenReady } from '../migrations/kubernetes/ready-tunnel';
import { type Neo4jAddress, openDriver } from '../migrations/targets/neo4j/driver';
import type { ServerIdentity } from '../migrations/targets/http-client';
import { ADMIN_USER } from './neo4j-settings';
import type { Neo4jUserInputs } from './neo4j-user';

/** A name and its password, as a Secret holds them. */
export interface Neo4jLogin {
  readonly username: string;
  readonly password: string;
}

/** Administration commands run on this database. */
const SYSTEM = 'system';
const FIX = 'run `pulumi refresh` and `pulumi up` again.';
/** @see https://neo4j.com/docs/status-codes/current/errors/gql-errors/22N89/ */
const SAME_PASSWORD = '22N89';

/**
 * Provider method: makes Neo4j's users what the inputs and the Secrets say.
 * @throws Error when a Secret or a password is missing; Neo4jError when Neo4j refuses.
 */
export async function putNeo4jUser(inputs: Neo4jUserInputs) {
  const { namespace, service, port, loginsSecret, users, roles } = inputs;
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const passwords = await secret(cluster, namespace, loginsSecret);
  const logins = users.map((username) => ({
    username,
    password: value(passwords, username, `${namespace}/${loginsSecret}`),
  }));
  const tls = await serverIdentity(cluster, inputs);
  const admins = await adminLogins(cluster, inputs, passwords);
  const tunnel = await forwardWhenReady(cluster, namespace, service, port);
  try {
    const address = { host: tunnel.host, port: tunnel.port, tls };
    const admin = await acceptedAdmin(address, admins);
    for (const login of logins) await putUser({ ...address, ...admin }, login, roles);
  } finally {
    await tunnel.close();
  }
  return { id: `${namespace}/${users[0]}`, outs: inputs };
}

/** What the administrator may be called: as accepted last, and, on a new server, as it started. */
async function adminLogins(
  cluster: KubernetesCluster,
  { namespace, adminSecret }: Neo4jUserInputs,
  passwords: Readonly<Record<string, string>>,
): Promise<{ user: string; password: string }[]> {
  const last = await cluster.secret(namespace, adminSecret);
  const initial = passwords[ADMIN_USER];
  return [
    ...(last?.username && last.password ? [{ user: last.username, password: last.password }] : []),
    ...(initial ? [{ user: ADMIN_USER, password: initial }] : []),
  ];
}

/** The first login that Neo4j takes. */
async function acceptedAdmin(
  address: Omit<Neo4jAddress, 'user' | 'password'>,
  logins: readonly { user: string; password: string }[],
): Promise<{ user: string; password: string }> {
  for (const login of logins) {
    const { driver, close } = await openDriver({ ...address, ...login });
    try {
      if (await driver.verifyAuthentication({ database: SYSTEM })) return login;
    } finally {
      await close();
    }
  }
  throw new Error(
    "Neo4j takes none of the administrator's passwords in the Secrets; put the one it takes into the administrator's Secret.",
  );
}

/**
 * Creates a user or gives it another password, and grants it roles; may be repeated.
 * @see https://neo4j.com/docs/operations-manual/5/authentication-authorization/manage-users/
 */
export async function putUser(
  admin: Neo4jAddress,
  user: Neo4jLogin,
  roles: readonly string[],
): Promise<void> {
  const { driver, close } = await openDriver(admin);
  const session = driver.session({ database: SYSTEM });
  try {
    const { username, password } = user;
    await session.run(
      'CREATE USER $username IF NOT EXISTS SET PLAINTEXT PASSWORD $password SET PASSWORD CHANGE NOT REQUIRED',
      { username, password },
    );
    await session
      .run('ALTER USER $username SET PLAINTEXT PASSWORD $password SET PASSWORD CHANGE NOT REQUIRED', {
        username,
        password,
      })
      .catch(unlessSamePassword);
    for (const role of roles) await session.run('GRANT ROLE $role TO $username', { role, username });
  } finally {
    await session.close();
    await close();
  }
}

/** Setting the password that a user has already is an error in Neo4j. */
function unlessSamePassword(error: Error): void {
  if ((error.cause as { gqlStatus?: string } | undefined)?.gqlStatus !== SAME_PASSWORD) throw error;
}

async function serverIdentity(
  cluster: KubernetesCluster,
  { namespace, tlsSecret, service }: Neo4jUserInputs,
): Promise<ServerIdentity | undefined> {
  if (tlsSecret === undefined) return undefined;
  const ca = value(await secret(cluster, namespace, tlsSecret), 'ca.crt', `${namespace}/${tlsSecret}`);
  return { ca, serverName: service };
}

async function secret(cluster: KubernetesCluster, namespace: string, name: string) {
  const data = await cluster.secret(namespace, name);
  if (data) return data;
  throw new Error(`Secret ${namespace}/${name} does not exist; ${FIX}`);
}

function value(data: Readonly<Record<string, string>>, key: string, name: string): string {
  const found = data[key];
  if (found) return found;
  throw new Error(`Secret ${name} has no key ${key}; ${FIX}`);
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: putNeo4jUser,
  update: (_id, _olds, news) => putNeo4jUser(news),
};
