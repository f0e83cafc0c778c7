import { createDecipheriv, pbkdf2Sync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encryptForAdmin, MinioAdmin, MinioAdminError } from './minio-admin';
import { readWritePolicy } from './minio-policies';

test('applications may use the objects of their buckets, and not change the buckets', () => {
  const { Statement } = readWritePolicy(['raw-documents', 'generated-lessons']);
  expect(Statement.map(({ Resource }) => Resource)).toEqual([
    ['arn:aws:s3:::raw-documents', 'arn:aws:s3:::generated-lessons'],
    ['arn:aws:s3:::raw-documents/*', 'arn:aws:s3:::generated-lessons/*'],
  ]);
  expect(Statement.flatMap(({ Action }) => Action)).toEqual([
    's3:GetBucketLocation',
    's3:ListBucket',
    's3:ListBucketMultipartUploads',
    's3:AbortMultipartUpload',
    's3:DeleteObject',
    's3:GetObject',
    's3:ListMultipartUploadParts',
    's3:PutObject',
  ]);
});

test('what is encrypted can be read with the secret key, and holds nothing in clear', () => {
  const sealed = encryptForAdmin('root-secret', Buffer.from('{"secretKey":"of-the-app"}'));
  expect(sealed.includes('of-the-app')).toBe(false);
  expect(sealed[32]).toBe(2);
  const key = pbkdf2Sync('root-secret', sealed.subarray(0, 32), 8192, 32, 'sha256');
  const nonce = Buffer.concat([sealed.subarray(33, 41), Buffer.from([1, 0, 0, 0])]);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  expect(decipher.update(sealed.subarray(41, -16)).toString()).toBe('{"secretKey":"of-the-app"}');
});

test('refuses to encrypt more than one fragment', () => {
  expect(() => encryptForAdmin('root-secret', Buffer.alloc(16_385))).toThrow(
    'At most 16384 bytes can be sent encrypted, got 16385.',
  );
});

describe('requests', () => {
  let server: Server;
  let admin: MinioAdmin;
  let seen: { method?: string; url?: string; authorization?: string; body: string }[];
  let answer: { status: number; body: string };

  beforeEach(async () => {
    seen = [];
    answer = { status: 200, body: '' };
    server = createServer(async (request: IncomingMessage, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method, url, headers } = request;
      const body = Buffer.concat(chunks).toString('latin1');
      seen.push({ method, url, authorization: headers.authorization, body });
      response.writeHead(answer.status).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    admin = new MinioAdmin({ host: '127.0.0.1', port }, { accessKey: 'root', secretKey: 'root-secret' });
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test('are signed, and carry no secret in clear', async () => {
    await admin.putPolicy('app', { Version: '2012-10-17' });
    await admin.putUser({ accessKey: 'app', secretKey: 'of-the-app' });
    await admin.setPolicy('app', 'app');
    await admin.setConfig('api root_access=off');
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'PUT /minio/admin/v3/add-canned-policy?name=app',
      'PUT /minio/admin/v3/add-user?accessKey=app',
      'PUT /minio/admin/v3/set-user-or-group-policy?isGroup=false&policyName=app&userOrGroup=app',
      'PUT /minio/admin/v3/set-config-kv',
    ]);
    for (const { authorization, body } of seen) {
      expect(authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=root\/\d{8}\/us-east-1\/s3\/aws4_request, /,
      );
      expect(body).not.toContain('of-the-app');
      expect(body).not.toContain('root_access');
    }
    expect(seen[0]?.body).toBe('{"Version":"2012-10-17"}');
  });

  test('find out who may administer: a refusal is an answer, a server that cannot answer is an error', async () => {
    expect(await admin.mayAdminister()).toBe(true);
    answer = { status: 403, body: '{"Code":"InvalidAccessKeyId"}' };
    expect(await admin.mayAdminister()).toBe(false);
    answer = { status: 503, body: '{"Code":"XMinioServerNotInitialized"}' };
    await expect(admin.mayAdminister()).rejects.toMatchObject({ status: 503 });
    expect(seen[0]).toMatchObject({ method: 'GET', url: expect.stringContaining('/list-canned-policies') });
  });

  test('report what MinIO says when it refuses', async () => {
    answer = { status: 403, body: '{"Code":"AccessDenied","Message":"Access Denied."}' };
    await expect(admin.setPolicy('app', 'app')).rejects.toEqual(
      new MinioAdminError(
        403,
        'AccessDenied',
        'MinIO refused set-user-or-group-policy: Access Denied. (AccessDenied).',
      ),
    );
  });
});
