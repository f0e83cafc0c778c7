/** A container beside a server that has no audit log but sends entries to a webhook: it writes each into its own log. */
import { containerSecurityContext } from './metadata';

const PORT = 8098;
/** Answers what was written, which nginx only does after it has read the whole request. */
const ANSWER_PORT = 8097;
const HEALTH_PORT = 8096;
const CONFIGURATION = '/etc/audit-webhook';

/** Where the server in the same pod sends its entries, one JSON object in each request. */
export const auditWebhookEndpoint = `http://127.0.0.1:${PORT}`;

/** Key and text of the ConfigMap that the container mounts. @see https://nginx.org/en/docs/http/ngx_http_log_module.html */
export const auditWebhookFiles = {
  'nginx.conf': `worker_processes 1;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  # The body is a line of JSON already.
  log_format entry escape=none '$request_body';
  access_log off;
  server_tokens off;
  client_max_body_size 1m;
  client_body_buffer_size 1m;
  client_body_in_single_buffer on;
  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  # The server asks with an empty object whether somebody listens.
  map $request_body $written { '~^[{]"' 1; default 0; }
  server {
    listen 127.0.0.1:${PORT};
    location / {
      access_log /dev/stdout entry if=$written;
      proxy_pass http://127.0.0.1:${ANSWER_PORT};
    }
  }
  server {
    listen 127.0.0.1:${ANSWER_PORT};
    location / { return 204; }
  }
  server {
    listen ${HEALTH_PORT};
    location = /health { return 204; }
  }
}
`,
} as const;

/**
 * The container, for the pod's own user.
 * @param image nginx.
 */
export function auditWebhookContainer(image: string) {
  const probe = { httpGet: { path: '/health', port: HEALTH_PORT } };
  return {
    name: 'audit',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['nginx', '-g', 'daemon off;', '-e', 'stderr', '-c', `${CONFIGURATION}/nginx.conf`],
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
    securityContext: containerSecurityContext(),
    readinessProbe: { ...probe, periodSeconds: 10 },
    livenessProbe: { ...probe, periodSeconds: 20 },
    volumeMounts: [
      { name: 'audit', mountPath: CONFIGURATION, readOnly: true },
      { name: 'audit-tmp', mountPath: '/tmp' },
    ],
  };
}

/** The container's volumes. @param configMap Name of a ConfigMap with {@link auditWebhookFiles}. */
export function auditWebhookVolumes(configMap: string) {
  return [
    { name: 'audit', configMap: { name: configMap } },
    { name: 'audit-tmp', emptyDir: { sizeLimit: '16Mi' } },
  ];
}
