import * as fs from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  chooseCluster,
  chooseClusterOf,
  clusterEnvironment,
  clusterId,
  forgetCluster,
  openCluster,
  recordCluster,
} from './cluster-choice';
import { UserError } from './user-error';

const never = () => Promise.reject(new Error('kind was asked for although something else decides'));
const usable = (answer: boolean) => () => Promise.resolve(answer);

describe('chooseCluster', () => {
  test('takes the configured context before everything else', async () => {
    const facts = { kubeContext: 'prod', inherited: 'one-node:test', recorded: 'kind:x', kindUsable: never };
    expect(await chooseCluster(facts)).toEqual({ kind: 'context', context: 'prod' });
  });

  test('takes the cluster of a surrounding run before the recorded one', async () => {
    const facts = { inherited: 'one-node:test', recorded: 'kind:agent-data-platform', kindUsable: never };
    expect(await chooseCluster(facts)).toEqual({ kind: 'one-node', name: 'test' });
  });

  test('stays on the cluster that holds the stack, even when kind became usable since', async () => {
    const facts = { inherited: 'context', recorded: 'one-node:dev', kindUsable: never };
    expect(await chooseCluster(facts)).toEqual({ kind: 'one-node', name: 'dev' });
  });

  test('takes kind where it is usable, else the one-node cluster', async () => {
    expect(await chooseCluster({ kindUsable: usable(true) })).toEqual({
      kind: 'kind',
      name: 'agent-data-platform',
    });
    expect(await chooseCluster({ kindUsable: usable(false) })).toEqual({ kind: 'one-node', name: 'dev' });
  });
});

test('a recorded cluster is found again until it is forgotten', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cluster-choice-'));
  const env = { AGENT_DATA_PLATFORM_TEST_STATE: folder };
  const settings = {
    stack: 'dev',
    file: '/project/Pulumi.dev.yaml',
    preview: 'online' as const,
    managedOperators: true,
  };
  try {
    recordCluster('dev', { kind: 'kind', name: 'agent-data-platform' }, env);
    expect(await chooseClusterOf(settings, env)).toEqual({ kind: 'kind', name: 'agent-data-platform' });
    forgetCluster('dev', env);
    expect(fs.readdirSync(folder)).toEqual([]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('the environment names the cluster, and the registry of kind', () => {
  expect(clusterId({ kind: 'context', context: 'prod' })).toBe('context');
  expect(clusterEnvironment({ kind: 'context', context: 'prod' })).toEqual({
    AGENT_DATA_PLATFORM_CLUSTER: 'context',
  });
  const kind = clusterEnvironment({ kind: 'kind', name: 'agent-data-platform' });
  expect(kind).toMatchObject({
    AGENT_DATA_PLATFORM_CLUSTER: 'kind:agent-data-platform',
    AGENT_DATA_PLATFORM_IMAGE_REGISTRY: 'localhost:5001',
  });
  expect(kind.KUBECONFIG).toMatch(/kind\/agent-data-platform\.kubeconfig$/);
});

describe('openCluster with a context', () => {
  const choice = { kind: 'context', context: 'prod' } as const;
  const settings = {
    stack: 'prod',
    file: '/project/Pulumi.prod.yaml',
    preview: 'online' as const,
    managedOperators: true,
  };
  const before = process.env.KUBECONFIG;
  let folder: string;

  const useServer = (server: string, context = 'prod') => {
    const file = path.join(folder, 'kubeconfig');
    const cluster = { server, 'insecure-skip-tls-verify': true };
    const config = {
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: context, context: { cluster: 'c', user: 'u' } }],
    };
    fs.writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }));
    process.env.KUBECONFIG = file;
  };

  const withAnswer = async (status: number, use: (url: string) => Promise<void>) => {
    const server = http.createServer((_, response) => response.writeHead(status).end('{"message":"no"}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cluster-choice-'));
  });

  afterEach(() => {
    fs.rmSync(folder, { recursive: true });
    if (before === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = before;
  });

  test('accepts one that answers', () =>
    withAnswer(200, async (url) => {
      useServer(url);
      expect(await openCluster(choice, settings)).toEqual({ AGENT_DATA_PLATFORM_CLUSTER: 'context' });
    }));

  test('says which contexts there are when it is missing', async () => {
    useServer('http://127.0.0.1:1', 'staging');
    await expect(openCluster(choice, settings)).rejects.toMatchObject({
      name: 'UserError',
      what: 'Kubernetes context "prod" is not in the kubeconfig; it has: staging.',
      fix: 'Add the context to your kubeconfig, or change or remove it in Pulumi.prod.yaml (agent-data-platform:kubeContext).',
    });
  });

  test('says how to check one that does not answer', async () => {
    let closed = '';
    await withAnswer(200, async (url) => {
      closed = url;
    });
    useServer(closed);
    const error = await openCluster(choice, settings).catch((reason: unknown) => reason as UserError);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).what).toMatch(/cannot be reached: .*ECONNREFUSED/);
    expect((error as UserError).fix).toContain('kubectl --context prod version');
  });

  test('says to log in again when it refuses the credentials', () =>
    withAnswer(401, async (url) => {
      useServer(url);
      await expect(openCluster(choice, settings)).rejects.toMatchObject({
        what: 'The cluster of context "prod" refuses your credentials: no',
        fix: 'Log in to it again, until `kubectl --context prod version` works.',
      });
    }));
});
