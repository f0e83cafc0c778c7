import * as pulumi from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { type Neo4jAddress, openDriver } from '../migrations/targets/neo4j/driver';

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

/** A name and its password, as a Secret holds them. */
export interface Neo4jLogin {
  readonly username: string;
  readonly password: string;
}

// Relative to dist/stacks, see manifest-bundle/index.ts.
/* eslint-disable @typescript-eslint/no-require-imports */
export const neo4jUserProvider: pulumi.dynamic.ResourceProvider = {
  async create(inputs) {
    return require('../components/neo4j-user').putNeo4jUser(inputs);
  },
  async update(_id, _olds, news) {
    return require('../components/neo4j-user').putNeo4jUser(news);
  },
};
/* eslint-enable @typescript-eslint/no-require-imports */

/** A user of Neo4j; it stays there when the stack is destroyed. */
export class Neo4jUser extends pulumi.dynamic.Resource {
  constructor(name: string, args: pulumi.Inputs & Neo4jUserInputs, opts?: pulumi.CustomResourceOptions) {
    super(neo4jUserProvider, name, { ...args }, opts, 'neo4j', 'User');
  }
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
