import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { type Neo4jAddress, openDriver } from '../migrations/targets/neo4j/driver';
import type { Neo4jUserInputs } from './neo4j-user';

/** A name and its password, as a Secret holds them. */
export interface Neo4jLogin {
  readonly username: string;
  readonly password: string;
}

/** Administration commands run on this database. */
const SYSTEM = 'system';
/** @see https://neo4j.com/docs/status-codes/current/errors/gql-errors/22N89/ */
const SAME_PASSWORD = '22N89';

/**
 * Provider method: makes Neo4j's user what the inputs and the Secrets say.
 * @throws Error when a Secret is missing; Neo4jError when Neo4j refuses.
 */
export async function putNeo4jUser(inputs: Neo4jUserInputs) {
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const admin = await login(cluster, inputs.namespace, inputs.adminSecret);
  const user = await login(cluster, inputs.namespace, inputs.userSecret);
  const tunnel = await cluster.forwardService(inputs.namespace, inputs.service, inputs.port);
  try {
    const { host, port } = tunnel;
    await putUser({ host, port, user: admin.username, password: admin.password }, user, inputs.roles);
  } finally {
    await tunnel.close();
  }
  return { id: `${inputs.namespace}/${inputs.userSecret}`, outs: inputs };
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
  const driver = openDriver(admin);
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
    await driver.close();
  }
}

/** Setting the password that a user has already is an error in Neo4j. */
function unlessSamePassword(error: Error): void {
  if ((error.cause as { gqlStatus?: string } | undefined)?.gqlStatus !== SAME_PASSWORD) throw error;
}

async function login(cluster: KubernetesCluster, namespace: string, name: string): Promise<Neo4jLogin> {
  const data = await cluster.secret(namespace, name);
  if (data?.username && data.password) return { username: data.username, password: data.password };
  const what = data ? 'has no username and password' : 'does not exist';
  throw new Error(`Secret ${namespace}/${name} ${what}; run \`pulumi refresh\` and \`pulumi up\` again.`);
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: putNeo4jUser,
  update: (_id, _olds, news) => putNeo4jUser(news),
};
