import { join } from 'node:path';
import { MalformedChangeError, readChangeFiles } from '../../engine/change-files';
import { TemporaryFolder } from '../../testing/change-folder';
import { qdrantFormat } from './format';

const dense = { dense: { size: 768, distance: 'Cosine' } };
const create = (more: object = {}) => ({
  operation: 'createCollection',
  collection_name: 'docs',
  vectors: dense,
  ...more,
});
const remove = { operation: 'deleteCollection', collection_name: 'docs' };
const file = (up: object[], down: object[] = [remove]) =>
  JSON.stringify({ description: 'd', up, down }, null, 2);
const index = (field_schema: object, field_name = 'project_id') => ({
  operation: 'createPayloadIndex',
  collection_name: 'docs',
  field_name,
  field_schema,
});

test('reads operations with the lines they start on', () => {
  const text = `{
  "description": "Notes",
  "up": [
    { "operation": "createCollection", "collection_name": "docs",
      "vectors": { "dense": { "size": 768, "distance": "Cosine" } } },
    { "operation": "createAlias", "alias_name": "notes", "collection_name": "docs" }
  ],
  "down": [{ "operation": "deleteCollection", "collection_name": "docs" }]
}`;
  expect(qdrantFormat.parse(text)).toEqual({
    transaction: true,
    up: [
      { text: JSON.stringify(create()), line: 4 },
      { text: '{"operation":"createAlias","alias_name":"notes","collection_name":"docs"}', line: 6 },
    ],
    down: [{ text: JSON.stringify(remove), line: 8 }],
    rollback: JSON.stringify([remove]),
  });
});

test('the files of the platform are valid and name only what is there', () => {
  const folder = readChangeFiles(join(__dirname, '../../qdrant/platform'), qdrantFormat);
  expect(folder.problems).toEqual([]);
  expect(folder.changes.map(({ file }) => file)).toEqual([
    '000001-collections.json',
    '000002-payload-indexes.json',
    '000003-aliases.json',
  ]);
});

test.each<[string, string, string]>([
  [
    'a wrong vector size',
    file([create({ vectors: { dense: { size: 769, distance: 'Cosine' } } })]),
    'up.0.vectors.dense.size: must be 768 or 1536, got 769; for another model, say which in "other_size"',
  ],
  [
    'a reason that says nothing',
    file([create({ vectors: { dense: { size: 3, distance: 'Cosine', other_size: 'x' } } })]),
    'up.0.vectors.dense.other_size: must say why in at least 10 characters',
  ],
  [
    'a distance that is not in use',
    file([create({ vectors: { dense: { size: 768, distance: 'Euclid' } } })]),
    'up.0.vectors.dense.distance: Invalid option: expected one of "Cosine"|"Dot"',
  ],
  ['no vectors', file([create({ vectors: {} })]), 'up.0.vectors: must have at least one named vector'],
  [
    'one name for two vectors',
    file([create({ sparse_vectors: { dense: {} } })]),
    'up.0.sparse_vectors.dense: is the name of a dense vector too; names are unique in a collection',
  ],
  [
    'more confirmations than replicas',
    file([create({ replication_factor: 2, write_consistency_factor: 3 })]),
    'up.0.write_consistency_factor: must not be more than replication_factor: no write would ever succeed',
  ],
  [
    'two kinds of quantization',
    file([create({ quantization_config: { binary: {}, scalar: { type: 'int8' } } })]),
    'up.0.quantization_config: must have exactly one of scalar, binary and product',
  ],
  [
    'an unknown HNSW setting',
    file([create({ hnsw_config: { ef: 3 } })]),
    'up.0.hnsw_config: Unrecognized key: "ef"',
  ],
  [
    'an index of an unknown type',
    file([create(), index({ type: 'string' })]),
    "up.1.field_schema.type: Invalid discriminator value. Expected 'keyword' | 'uuid' |",
  ],
  [
    'a tenant of the wrong type',
    file([create(), index({ type: 'datetime', is_tenant: true })]),
    'up.1.field_schema: Unrecognized key: "is_tenant"',
  ],
  [
    'a payload path that is none',
    file([create(), index({ type: 'keyword' }, 'a"; drop')]),
    'up.1.field_name: must be a payload path such as project_id, author.name or tags[].label',
  ],
  [
    'the history as a collection',
    file([create({ collection_name: 'schema_migrations' })]),
    'up.0.collection_name: "schema_migrations" holds the history of the changes; take another name',
  ],
  [
    'the validity of tokens as a collection',
    file([create({ collection_name: 'platform_logins' })]),
    'up.0.collection_name: "platform_logins" says which tokens are valid; take another name',
  ],
  [
    'a name with a path in it',
    file([create({ collection_name: '../x' })]),
    'up.0.collection_name: must start with a-z',
  ],
  [
    'an update of nothing',
    file([{ operation: 'updateCollection', collection_name: 'docs' }]),
    'up.0: changes nothing: give what is to change',
  ],
  [
    'a quantization that cannot be changed to',
    file([{ operation: 'updateCollection', collection_name: 'docs', quantization_config: 'Off' }]),
    'up.0.quantization_config: must be "Disabled" or exactly one of scalar, binary and product',
  ],
])('refuses %s', (_case, text, message) => {
  const parse = () => qdrantFormat.parse(text);
  expect(parse).toThrow(MalformedChangeError);
  expect(parse).toThrow(message);
});

const alias = (operation: string, alias_name: string, collection_name = 'docs') => ({
  operation,
  alias_name,
  collection_name,
});

test.each<[string, object[], object[], string]>([
  ['a collection twice', [create(), create()], [remove], 'line 14: collection "docs" exists already'],
  [
    'an index twice',
    [create(), index({ type: 'keyword' }), index({ type: 'uuid' })],
    [remove],
    'line 22: "project_id" of collection "docs" has an index already',
  ],
  [
    'an alias of what is deleted before',
    [remove, alias('createAlias', 'notes')],
    [{ operation: 'deleteAlias', alias_name: 'notes' }],
    'line 8: collection "docs" is deleted before',
  ],
  [
    'an alias with the name of a collection',
    [create(), alias('createAlias', 'docs')],
    [remove],
    'line 14: "docs" is a collection already',
  ],
  [
    'a vector that the collection has not',
    [
      create(),
      { operation: 'updateCollection', collection_name: 'docs', vectors: { other: { on_disk: true } } },
    ],
    [remove],
    'line 14: collection "docs" has no vector "other"',
  ],
  [
    'a collection that down forgets',
    [create(), create({ collection_name: 'more' })],
    [remove],
    'down leaves collection "more" behind',
  ],
  [
    'an alias that down forgets',
    [alias('createAlias', 'notes')],
    [alias('switchAlias', 'notes', 'more')],
    'down leaves alias "notes" behind',
  ],
])('refuses %s', (_case, up, down, fault) => {
  expect(() => qdrantFormat.parse(file(up, down))).toThrow(
    new MalformedChangeError(
      `has operations that do not fit together (${fault})`,
      'Correct their names or their order.',
    ),
  );
});

test('what no earlier file makes is named with its file and line', () => {
  const folder = new TemporaryFolder({
    '000001-docs.json': file([create()]),
    '000002-alias.json': file(
      [alias('createAlias', 'notes', 'dosc')],
      [{ operation: 'deleteAlias', alias_name: 'notes' }],
    ),
    '000003-index.json': file(
      [index({ type: 'keyword' })],
      [{ operation: 'deletePayloadIndex', collection_name: 'docs', field_name: 'project_id' }],
    ),
    '000004-switch.json': file([alias('switchAlias', 'nodes')], [alias('switchAlias', 'nodes', 'docs')]),
  });
  try {
    expect(readChangeFiles(folder.path, qdrantFormat).problems).toEqual([
      {
        kind: 'malformed',
        file: '000002-alias.json',
        version: '000002',
        what: 'names what is not there (line 4: no earlier operation makes collection "dosc")',
        fix: 'Correct the names or the order of the files.',
      },
      {
        kind: 'malformed',
        file: '000004-switch.json',
        version: '000004',
        what: 'names what is not there (line 4: alias "nodes" does not exist)',
        fix: 'Correct the names or the order of the files.',
      },
    ]);
  } finally {
    folder.remove();
  }
});
