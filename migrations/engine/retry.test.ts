import { KubernetesError } from '../kubernetes/cluster';
import { connectPolicy, isUnreachable } from './retry';

test.each([
  ['refused TCP connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), true],
  ['PostgreSQL starting up', Object.assign(new Error('x'), { code: '57P03' }), true],
  ['connection lost', new Error('Connection terminated unexpectedly'), true],
  ['S3 503', Object.assign(new Error('x'), { $metadata: { httpStatusCode: 503 } }), true],
  ['Elasticsearch away', Object.assign(new Error('x'), { name: 'ConnectionError' }), true],
  ['Elasticsearch 503', Object.assign(new Error('x'), { statusCode: 503 }), true],
  ['Elasticsearch 403', Object.assign(new Error('x'), { statusCode: 403 }), false],
  ['Neo4j away', Object.assign(new Error('x'), { code: 'ServiceUnavailable' }), true],
  ['API server away', new KubernetesError(0, 'Unreachable', 'x'), true],
  ['no ready pod', new KubernetesError(0, 'NoEndpoint', 'x'), true],
  ['API server overloaded', new KubernetesError(429, 'TooManyRequests', 'x'), true],
  ['wrong context', new KubernetesError(0, 'NoContext', 'x'), false],
  ['forbidden', new KubernetesError(403, 'Forbidden', 'x'), false],
  ['wrong password', Object.assign(new Error('x'), { code: '28P01' }), false],
  ['S3 403', Object.assign(new Error('x'), { $metadata: { httpStatusCode: 403 } }), false],
])('%s', (_name, error, expected) => {
  expect(isUnreachable(error)).toBe(expected);
});

describe('connectPolicy', () => {
  const unreachable = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

  test('tries again until the store answers', async () => {
    let attempts = 0;
    const answer = await connectPolicy(10_000).execute(async () => {
      if (++attempts < 3) throw unreachable;
      return 'connected';
    });
    expect([answer, attempts]).toEqual(['connected', 3]);
  });

  test('gives up with the last error when the time is spent', async () => {
    await expect(connectPolicy(50).execute(() => Promise.reject(unreachable))).rejects.toBe(unreachable);
  });

  test('a refusal is not tried again', async () => {
    let attempts = 0;
    const refused = Object.assign(new Error('no'), { code: '28P01' });
    const attempt = connectPolicy(10_000).execute(async () => {
      attempts++;
      throw refused;
    });
    await expect(attempt).rejects.toBe(refused);
    expect(attempts).toBe(1);
  });
});
