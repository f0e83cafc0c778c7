import {
  auditWebhookContainer,
  auditWebhookEndpoint,
  auditWebhookFiles,
  auditWebhookVolumes,
} from './audit-webhook';

test('the container listens for its own pod only, and is confined', () => {
  expect(auditWebhookEndpoint).toBe('http://127.0.0.1:8098');
  expect(auditWebhookFiles['nginx.conf'].match(/listen [^;]*/g)).toEqual([
    'listen 127.0.0.1:8098',
    'listen 127.0.0.1:8097',
    'listen 8096',
  ]);
  expect(auditWebhookContainer('registry.example/nginx:1')).toEqual({
    name: 'audit',
    image: 'registry.example/nginx:1',
    imagePullPolicy: 'IfNotPresent',
    command: ['nginx', '-g', 'daemon off;', '-e', 'stderr', '-c', '/etc/audit-webhook/nginx.conf'],
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    readinessProbe: { httpGet: { path: '/health', port: 8096 }, periodSeconds: 10 },
    livenessProbe: { httpGet: { path: '/health', port: 8096 }, periodSeconds: 20 },
    volumeMounts: [
      { name: 'audit', mountPath: '/etc/audit-webhook', readOnly: true },
      { name: 'audit-tmp', mountPath: '/tmp' },
    ],
  });
  expect(auditWebhookVolumes('minio-audit')).toEqual([
    { name: 'audit', configMap: { name: 'minio-audit' } },
    { name: 'audit-tmp', emptyDir: { sizeLimit: '16Mi' } },
  ]);
});
