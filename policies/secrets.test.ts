import { resource, statefulSet } from './fixtures';
import { noLiteralCredentials, secretDataEncrypted } from './secrets';

const withEnv = (name: string, value: string) => statefulSet({ container: { env: [{ name, value }] } });

describe('no-literal-credentials', () => {
  test.each([
    ['REDIS_PASSWORD_FILE', '/run/secrets/redis'],
    ['TOKEN_TTL', '3600'],
    ['DATABASE_URL', 'postgres://app@postgres-rw:5432/app'],
    ['DATABASE_URL', 'postgres://app:$(PGPASSWORD)@postgres-rw:5432/app'],
  ])('%s=%s is no credential', (name, value) => {
    expect(noLiteralCredentials.check(withEnv(name, value))).toEqual([]);
  });

  test('a reference to a Secret passes', () => {
    const env = [{ name: 'REDIS_PASSWORD', valueFrom: { secretKeyRef: { name: 'redis', key: 'password' } } }];
    expect(noLiteralCredentials.check(statefulSet({ container: { env } }))).toEqual([]);
  });

  test.each([
    ['REDIS_PASSWORD', 'hunter2-hunter2'],
    ['MINIO_SECRET_KEY', 'hunter2-hunter2'],
    ['API_KEY', 'hunter2-hunter2'],
    ['DATABASE_URL', 'postgres://app:hunter2-hunter2@postgres-rw:5432/app'],
  ])('%s as text is a violation that does not repeat the value', (name, value) => {
    expect(noLiteralCredentials.check(withEnv(name, value))).toEqual([
      `container redis of StatefulSet/data/redis has a credential as text in ${name}; use valueFrom.secretKeyRef.`,
    ]);
  });

  test('a password in a command is a violation', () => {
    const args = ['--url', 'redis://:hunter2-hunter2@redis:6379/0'];
    expect(noLiteralCredentials.check(statefulSet({ container: { args } }))).toEqual([
      'container redis of StatefulSet/data/redis has a URL with a password in its command; pass it by secretKeyRef.',
    ]);
  });

  test('a ConfigMap holds settings, not credentials', () => {
    const configMap = (data: object) => resource('core/v1:ConfigMap', 'redis', { data });
    expect(noLiteralCredentials.check(configMap({ 'redis.conf': 'appendonly yes' }))).toEqual([]);
    expect(noLiteralCredentials.check(configMap({ password: 'hunter2-hunter2' }))).toEqual([
      'ConfigMap/data/redis holds a credential in password; move it to a Secret.',
    ]);
  });
});

describe('secret-data-encrypted', () => {
  const secret = (additionalSecretOutputs?: string[]) => ({
    ...resource('core/v1:Secret', 'redis', { stringData: { password: 'hunter2-hunter2' } }),
    additionalSecretOutputs,
  });

  test('the SDK marks both fields', () => {
    expect(secretDataEncrypted.check(secret(['data', 'stringData']))).toEqual([]);
  });

  test.each([[undefined], [['data']]])('with %j marked, stringData would be readable in state', (marked) => {
    expect(secretDataEncrypted.check(secret(marked))).toEqual([
      'Secret/data/redis does not mark stringData as secret; declare it with kubernetes.core.v1.Secret or additionalSecretOutputs.',
    ]);
  });
});
