import { status } from '@grpc/grpc-js';
import { Secret, Unknown } from './marshalling';
import { type CheckCall, InitFailedError, type Provider } from './provider';
import { PluginClient, partialState } from './testing';

const urn = 'urn:pulumi:dev::shop::agent:data:Store$kubernetes:apps/v1:StatefulSet::store::with-colons';
let checked: CheckCall | undefined;
let plugin: PluginClient;

const provider: Provider = {
  configure: () => undefined,
  check: async (call) => {
    checked = call;
    return { inputs: call.news, failures: [{ property: 'spec.replicas', reason: 'too many' }] };
  },
  diff: async () => ({
    changes: [
      { path: ['spec', 'replicas'], kind: 'add' },
      { path: ['spec', 'name'], kind: 'delete' },
      { path: ['data'], kind: 'update' },
    ],
    replaces: ({ path }) => path[1] === 'name',
    deleteBeforeReplace: true,
  }),
  create: async ({ inputs }) => {
    const state = { id: 'shop/store', inputs, outputs: { ip: '10.0.0.1', password: new Secret('x') } };
    throw new InitFailedError(state, ['not ready', 'no node']);
  },
  read: async () => undefined,
  update: async () => {
    throw new Error('refused');
  },
  delete: async () => undefined,
  invoke: async (_token, args) => args,
};

beforeAll(async () => {
  plugin = await PluginClient.start(() => provider);
});
afterAll(() => plugin.stop());

test('a call says what it is about, in plain values', async () => {
  const news = { replicas: Unknown.value, password: new Secret('x') };
  const { inputs, failures } = await plugin.check(urn, news, { replicas: 1 });
  expect(checked).toMatchObject({
    urn,
    type: 'kubernetes:apps/v1:StatefulSet',
    name: 'store::with-colons',
    olds: { replicas: 1 },
    news,
  });
  expect(inputs).toEqual(news);
  expect(failures).toEqual([{ property: 'spec.replicas', reason: 'too many' }]);
});

test('a difference is told per property', async () => {
  const state = { urn, id: 'x', inputs: {}, outputs: {} };
  expect(await plugin.diff(state, {})).toEqual({
    detail: { 'spec.replicas': 'ADD', 'spec.name': 'DELETE_REPLACE', data: 'UPDATE' },
    replaces: ['spec'],
    deleteBeforeReplace: true,
  });
});

test('a resource that exists but is not ready keeps its state', async () => {
  const error = await plugin.create(urn, { size: 1 }).catch((caught: unknown) => caught);
  expect(partialState(urn, error)).toEqual({
    urn,
    id: 'shop/store',
    inputs: { size: 1 },
    outputs: { ip: '10.0.0.1', password: new Secret('x') },
    reasons: ['not ready', 'no node'],
  });
});

test('a failure that did nothing is told as such', async () => {
  const state = { urn, id: 'x', inputs: {}, outputs: {} };
  await expect(plugin.update(state, {})).rejects.toMatchObject({
    code: status.FAILED_PRECONDITION,
    details: 'refused',
  });
});

test('a resource that is gone has no id', async () => {
  expect(await plugin.read({ urn, id: 'x', inputs: {}, outputs: {} })).toBeUndefined();
});

test('components are refused by name', async () => {
  await expect(plugin.construct('kubernetes:helm.sh/v4:Chart')).rejects.toMatchObject({
    code: status.UNIMPLEMENTED,
    details:
      'The component kubernetes:helm.sh/v4:Chart needs the official plugin: the stand-in in local/plugins serves single resources only.',
  });
});
