import { MalformedChangeError } from '../../engine/change-files';
import { minioFormat } from './format';

const file = (operation: object) =>
  JSON.stringify({ description: 'd', up: [operation], down: [{ operation: 'deleteBucket', bucket: 'abc' }] });

test('reads operations with the lines they start on', () => {
  const text = `{
  "description": "Buckets",
  "up": [
    { "operation": "createBucket", "bucket": "abc" },
    {
      "operation": "putVersioning", "bucket": "abc", "status": "Enabled"
    }
  ],
  "down": [{ "operation": "deleteBucket", "bucket": "abc" }]
}`;
  expect(minioFormat.parse(text)).toEqual({
    transaction: true,
    up: [
      { text: '{"operation":"createBucket","bucket":"abc"}', line: 4 },
      { text: '{"operation":"putVersioning","bucket":"abc","status":"Enabled"}', line: 5 },
    ],
    down: [{ text: '{"operation":"deleteBucket","bucket":"abc"}', line: 9 }],
    rollback: '[{"operation":"deleteBucket","bucket":"abc"}]',
  });
});

test.each([
  ['not JSON', '{', /^is not JSON: /],
  [
    'a duplicate key',
    '{"description":"a","description":"b","up":[],"down":[]}',
    /^has a fault: Map keys must be unique/,
  ],
  ['no operations', '{"description":"a","up":[],"down":[]}', /up: Too small.*; down: Too small/],
  [
    'an unknown operation',
    file({ operation: 'createBuckets', bucket: 'abc' }),
    /up\.0\.operation: Invalid discriminator value\. Expected 'createBucket' \|/,
  ],
  [
    'an unknown field',
    file({ operation: 'createBucket', bucket: 'abc', x: 1 }),
    /up\.0: Unrecognized key: "x"/,
  ],
  [
    'a bad bucket name',
    file({ operation: 'createBucket', bucket: 'A_b' }),
    /up\.0\.bucket: a bucket name has 3 to 63 of/,
  ],
  [
    'a bad status',
    file({ operation: 'putVersioning', bucket: 'abc', status: 'On' }),
    /up\.0\.status: Invalid option/,
  ],
])('refuses %s', (_name, text, message) => {
  const parse = () => minioFormat.parse(text);
  expect(parse).toThrow(MalformedChangeError);
  expect(parse).toThrow(message);
});
