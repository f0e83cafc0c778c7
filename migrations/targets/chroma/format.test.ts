import { join } from 'node:path';
import { MalformedChangeError, readChangeFiles } from '../../engine/change-files';
import { chromaFormat } from './format';
import { isProjectCollection, projectCollection } from './names';

const create = {
  operation: 'createCollection',
  collection: 'tools',
  dimension: 768,
  hnsw: { space: 'cosine' },
};
const file = (operation: object) =>
  JSON.stringify({
    description: 'd',
    up: [operation],
    down: [{ operation: 'deleteCollection', collection: 'tools' }],
  });

test('reads operations', () => {
  expect(chromaFormat.parse(file(create)).up).toEqual([{ text: JSON.stringify(create), line: 1 }]);
});

test.each([
  [
    'a wrong vector size',
    { ...create, dimension: 1024 },
    'up.0.dimension: a vector has 768 or 1536 dimensions',
  ],
  ['no vector size', { ...create, dimension: undefined }, /up\.0\.dimension: Invalid input/],
  ['an unknown space', { ...create, hnsw: { space: 'cosinus' } }, /up\.0\.hnsw\.space: Invalid option/],
  ['an unknown setting', { ...create, hnsw: { space: 'l2', M: 8 } }, /up\.0\.hnsw: Unrecognized key: "M"/],
  ['a bad name', { ...create, collection: 'a/b' }, /up\.0\.collection: a collection name has 3 to 512 of/],
  [
    'a collection of a project',
    { ...create, collection: 'project_1_documents' },
    'up.0.collection: collections of projects are created by their applications',
  ],
  [
    'an unknown operation',
    { ...create, operation: 'create' },
    /up\.0\.operation: Invalid discriminator value/,
  ],
])('refuses %s', (_name, operation, message) => {
  const parse = () => chromaFormat.parse(file(operation));
  expect(parse).toThrow(MalformedChangeError);
  expect(parse).toThrow(message);
});

test('the change files of the platform are valid', () => {
  const { changes, problems } = readChangeFiles(join(__dirname, '../../chroma/platform'), chromaFormat);
  expect(problems).toEqual([]);
  expect(changes.map(({ file: name }) => name)).toEqual(['000001-collections.json']);
});

test('names of the collections of projects', () => {
  const name = projectCollection('4f1c', 'knowledge');
  expect(name).toBe('project_4f1c_knowledge');
  expect([isProjectCollection(name), isProjectCollection('project_x_other')]).toEqual([true, false]);
  expect(() => projectCollection('a/b', 'agents')).toThrow('letters, digits and "-", got "a/b".');
});
