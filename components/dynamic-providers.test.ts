import * as pulumi from '@pulumi/pulumi';
import { manifestBundleProvider } from './manifest-bundle';
import { minioUserProvider } from './minio-user';
import { neo4jUserProvider } from './neo4j-user';
import { existingOperatorProvider } from './operators-existing';
import { rolloutProvider } from './postgres-rollout';

/** Serialises a provider as Pulumi stores it in the state, and loads it as Pulumi's provider process does. */
async function storeAndLoad(provider: pulumi.dynamic.ResourceProvider, loaded: (path: string) => unknown) {
  const { text } = await pulumi.runtime.serializeFunction(() => provider);
  const module = { exports: {} as { handler?: () => pulumi.dynamic.ResourceProvider } };
  new Function('exports', 'require', text)(module.exports, loaded);
  return { text, provider: module.exports.handler!() };
}

describe.each([
  [
    'ManifestBundle',
    manifestBundleProvider,
    '../components/manifest-bundle/provider',
    { check: 'check', diff: 'diff', create: 'create', read: 'read', update: 'update', delete: 'remove' },
  ],
  [
    'ExistingOperator',
    existingOperatorProvider,
    '../components/operators-existing',
    { check: 'checkRequirement', create: 'requireOperator' },
  ],
  [
    'PoolerRollout',
    rolloutProvider,
    '../components/postgres-rollout',
    { create: 'awaitRollout', update: 'awaitRollout' },
  ],
  [
    'Neo4jUser',
    neo4jUserProvider,
    '../components/neo4j-user',
    { create: 'putNeo4jUser', update: 'putNeo4jUser' },
  ],
  [
    'MinioUser',
    minioUserProvider,
    '../components/minio-user',
    { create: 'putMinioUser', update: 'putMinioUser' },
  ],
] as [string, pulumi.dynamic.ResourceProvider, string, Record<string, string>][])(
  'the stored provider of %s',
  (_name, provider, modulePath, methods) => {
    it('calls the compiled engine for every method', async () => {
      const required: string[] = [];
      const engine = Object.fromEntries(
        Object.values(methods).map((name) => [name, async () => ({ called: name })]),
      );
      const stored = await storeAndLoad(provider, (path) => {
        required.push(path);
        return engine;
      });
      const loaded = stored.provider as unknown as Record<string, () => Promise<unknown>>;
      expect(Object.keys(loaded).sort()).toEqual(Object.keys(methods).sort());
      for (const [method, name] of Object.entries(methods))
        expect(await loaded[method]!()).toEqual({ called: name });
      expect(new Set(required)).toEqual(new Set([modulePath]));
    });

    it('captures neither values nor credentials nor a path of this machine', async () => {
      process.env.POSTGRES_TEST_CREDENTIAL = 'hunter2-not-in-state';
      const { text } = await storeAndLoad(provider, () => ({}));
      delete process.env.POSTGRES_TEST_CREDENTIAL;
      expect(text).not.toContain('hunter2-not-in-state');
      expect(text).not.toContain(process.cwd());
      expect(text).not.toContain('process.env');
      expect(text.length).toBeLessThan(4000);
    });
  },
);
