import { join } from 'node:path';
import { MalformedChangeError, readChangeFiles } from '../../engine/change-files';
import { elasticsearchFormat } from './format';

const file = (...up: object[]) =>
  JSON.stringify({ description: 'd', up, down: [{ operation: 'deleteRole', name: 'undo' }] }, null, 1);
const policy = (phases: object) => ({
  operation: 'putLifecyclePolicy',
  name: 'logs',
  body: { policy: { phases } },
});
const synonyms = (...rules: string[]) => ({
  operation: 'putSynonymsSet',
  name: 'words',
  body: { synonyms_set: rules.map((rule, index) => ({ id: `rule${index}`, synonyms: rule })) },
});
const analysis = (block: object) => ({
  operation: 'putComponentTemplate',
  name: 'text',
  body: { template: { settings: { index: { analysis: block } } } },
});
const indexTemplate = (...composed_of: string[]) => ({
  operation: 'putIndexTemplate',
  name: 'logs',
  body: { index_patterns: ['logs-*'], composed_of },
});

test('the files of the platform are valid', () => {
  const { changes, problems } = readChangeFiles(
    join(__dirname, '../../elasticsearch/platform'),
    elasticsearchFormat,
  );
  expect(problems).toEqual([]);
  expect(changes.map(({ file: name }) => name)).toEqual([
    '000001-lifecycle-policies.json',
    '000002-data-streams.json',
    '000003-document-search.json',
    '000004-roles.json',
    '000005-snapshots.json',
    '000006-audit.json',
  ]);
});

test('a retention shorter than a phase of the policy is refused with the value', () => {
  const { problems } = readChangeFiles(join(__dirname, '../../elasticsearch/platform'), elasticsearchFormat, {
    'retention.logs': '3d',
  });
  expect(problems).toEqual([
    expect.objectContaining({
      file: '000001-lifecycle-policies.json',
      what: 'has operations that are not valid (up.0.body.policy.phases.delete.min_age: is 3d, before the phase cold starts at 14d; ages count from the rollover and must ascend; the parameters are retention.logs = 3d, retention.workflows = 365d, retention.activities = 180d, retention.metrics = 30d)',
    }),
  ]);
});

test('reads operations with the lines they start on', () => {
  const { up } = elasticsearchFormat.parse(file(policy({ hot: { actions: {} } })));
  expect(up).toEqual([
    {
      text: '{"operation":"putLifecyclePolicy","name":"logs","body":{"policy":{"phases":{"hot":{"actions":{}}}}}}',
      line: 4,
      defines: 'LifecyclePolicy logs',
    },
  ]);
});

test.each([
  [
    'an unknown phase',
    policy({ tepid: { actions: {} } }),
    /up\.0\.body\.policy\.phases: Unrecognized key: "tepid"/,
  ],
  [
    'an action that the phase does not allow',
    policy({ cold: { actions: { rollover: { max_age: '1d' } } } }),
    /phases\.cold\.actions: Unrecognized key: "rollover"/,
  ],
  [
    'a rollover without condition',
    policy({ hot: { actions: { rollover: { min_docs: 1 } } } }),
    /hot\.actions\.rollover: must have at least one max_… condition/,
  ],
  [
    'a bad age',
    policy({ delete: { min_age: '90 days', actions: {} } }),
    /delete\.min_age: must be a time such as/,
  ],
  [
    'ages that do not ascend',
    policy({ warm: { min_age: '10d', actions: {} }, delete: { min_age: '48h', actions: { delete: {} } } }),
    /phases\.delete\.min_age: is 48h, before the phase warm starts at 10d; ages count from the rollover and must ascend/,
  ],
  [
    'a synonym circle',
    synonyms('a => b', 'b => c', 'C => a'),
    /up\.0\.body\.synonyms_set: the synonym rules go in a circle: a => b => c => a/,
  ],
  [
    'a malformed synonym rule',
    synonyms('a => b => c'),
    /the synonym rule "a => b => c" is not "a, b, c" or "a, b => c"/,
  ],
  [
    'a synonym rule of one term',
    synonyms('a, A'),
    /the synonym rule "a, A" needs at least two different terms/,
  ],
  [
    'an analyzer with an unknown filter',
    analysis({
      analyzer: { english: { type: 'custom', tokenizer: 'standard', filter: ['lowercase', 'stemm'] } },
    }),
    /template\.settings\.analysis: the analyzer "english" uses the filter "stemm", which is neither built in nor defined beside it/,
  ],
  [
    'a circle in a filter of an index',
    analysis({ filter: { s: { type: 'synonym_graph', synonyms: ['x => y', 'y => x'] } } }),
    /filter "s": the synonym rules go in a circle: x => y => x/,
  ],
  [
    'credentials of a repository',
    {
      operation: 'putSnapshotRepository',
      name: 'backups',
      body: { type: 's3', settings: { bucket: 'backups', access_key: 'AKIA' } },
    },
    /body\.settings: has access_key: addresses and credentials belong to the client/,
  ],
  [
    'a bad schedule',
    {
      operation: 'putSnapshotLifecyclePolicy',
      name: 'nightly',
      body: { schedule: '30 1 * * *', name: 'nightly', repository: 'r' },
    },
    /body\.schedule: must be a cron schedule of Elasticsearch with six or seven fields/,
  ],
  [
    'a role for every index',
    { operation: 'putRole', name: 'app', body: { indices: [{ names: ['*'], privileges: ['read'] }] } },
    /indices\.0\.names\.0: must be a name that may end with "\*"/,
  ],
  [
    'an unknown privilege',
    { operation: 'putRole', name: 'app', body: { cluster: ['manage_security'] } },
    /body\.cluster\.0: Invalid option/,
  ],
  [
    'the index of the history',
    { operation: 'deleteIndex', name: 'schema-migrations' },
    /up\.0\.name: "schema-migrations" holds/,
  ],
  [
    'an unknown operation',
    { operation: 'putPolicy', name: 'x' },
    /up\.0\.operation: Invalid discriminator value/,
  ],
])('refuses %s', (_name, operation, message) => {
  const parse = () => elasticsearchFormat.parse(file(operation));
  expect(parse).toThrow(MalformedChangeError);
  expect(parse).toThrow(message);
});

describe('the order of operations', () => {
  const component = { operation: 'putComponentTemplate', name: 'common', body: {} };

  test('a template that is made before it is used is right, and so is one of an earlier file', () => {
    expect(() => elasticsearchFormat.parse(file(component, indexTemplate('common')))).not.toThrow();
    expect(() => elasticsearchFormat.parse(file(indexTemplate('common')))).not.toThrow();
  });

  test('a template that is made after it is used is refused with its line', () => {
    expect(() => elasticsearchFormat.parse(file(indexTemplate('common'), component))).toThrow(
      'has operations in an order that cannot work (line 4: putIndexTemplate "logs" uses ComponentTemplate common, which is made only after it). Put each operation after what it uses.',
    );
  });

  test('a template that was deleted before is refused', () => {
    const deleted = { operation: 'deleteComponentTemplate', name: 'common' };
    expect(() => elasticsearchFormat.parse(file(component, deleted, indexTemplate('common')))).toThrow(
      /uses ComponentTemplate common, which was deleted before/,
    );
  });
});

test('a term that keeps itself beside others is no circle', () => {
  expect(() =>
    elasticsearchFormat.parse(file(synonyms('auth => auth, authentication', 'db, database'))),
  ).not.toThrow();
});
