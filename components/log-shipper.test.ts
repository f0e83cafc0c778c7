import { LogShipper } from './log-shipper';
import { type LogShipperArgs, resolveLogShipperArgs } from './log-shipper-args';
import { frontConfiguration, loginLine, rsyslogConfiguration } from './log-shipper-config';
import { logShipperSpec } from './log-shipper-spec';
import { checksum } from './metadata';
import { declaredBy } from './testing/mocks';

const nodes = { matchLabels: { 'elasticsearch.k8s.elastic.co/cluster-name': 'elasticsearch' } };
const elasticsearch = { host: 'elasticsearch-es-http.platform.svc', port: 9200, pods: nodes };
const args: LogShipperArgs = {
  namespace: 'platform',
  images: { rsyslog: 'registry.example/rsyslog:1', nginx: 'registry.example/nginx:1' },
  elasticsearch,
};
const labels = {
  'app.kubernetes.io/name': 'log-shipper',
  'app.kubernetes.io/part-of': 'agent-data-platform',
  'app.kubernetes.io/managed-by': 'pulumi',
};
const resources = { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '128Mi' } };
const confined = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

describe('logShipperSpec', () => {
  const spec = logShipperSpec({ ...args, priorityClass: 'platform-stores' });
  const pod = spec.daemonSet.spec.template.spec;

  it('has a namespace of its own, as the stores’ admits no folder of a node', () => {
    expect(spec.namespace.metadata).toEqual({
      name: 'platform-logs',
      labels: { ...labels, 'pod-security.kubernetes.io/enforce': 'privileged' },
    });
    for (const { metadata } of [spec.serviceAccount, spec.configMap, spec.front])
      expect(metadata).toMatchObject({ namespace: 'platform-logs', labels });
  });

  it('runs on every node, without a token', () => {
    expect(pod).toMatchObject({
      serviceAccountName: 'log-shipper',
      automountServiceAccountToken: false,
      priorityClassName: 'platform-stores',
      tolerations: [{ operator: 'Exists' }],
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65534,
        runAsGroup: 65534,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
  });

  it('reads logs and cannot change them, and keeps offsets on the node', () => {
    expect(pod.containers[0]).toEqual({
      name: 'rsyslog',
      image: 'registry.example/rsyslog:1',
      imagePullPolicy: 'IfNotPresent',
      command: ['rsyslogd', '-n', '-i', 'NONE', '-f', '/etc/log-shipper/rsyslog.conf'],
      resources,
      securityContext: { ...confined, runAsGroup: 0 },
      volumeMounts: [
        { name: 'configuration', mountPath: '/etc/log-shipper', readOnly: true },
        { name: 'logs', mountPath: '/var/log/pods', readOnly: true },
        { name: 'state', mountPath: '/state' },
      ],
    });
    expect(pod.volumes.filter((volume) => 'hostPath' in volume)).toEqual([
      { name: 'logs', hostPath: { path: '/var/log/pods', type: 'Directory' } },
      {
        name: 'state',
        hostPath: { path: '/var/lib/agent-data-platform/logs/platform', type: 'DirectoryOrCreate' },
      },
    ]);
  });

  it('is root only for opening the folder of the offsets, without capabilities', () => {
    expect(pod.initContainers).toEqual([
      {
        name: 'state',
        image: 'registry.example/rsyslog:1',
        imagePullPolicy: 'IfNotPresent',
        command: ['chmod', '0770', '/state'],
        resources,
        securityContext: { ...confined, runAsNonRoot: false, runAsUser: 0, runAsGroup: 0 },
        volumeMounts: [{ name: 'state', mountPath: '/state' }],
      },
    ]);
    expect(pod.containers[1]!.securityContext).toEqual(confined);
  });

  it('connects to Elasticsearch and to names, and Elasticsearch lets it in', () => {
    const own = { matchLabels: { 'kubernetes.io/metadata.name': 'platform-logs' } };
    const shipper = {
      matchLabels: {
        'app.kubernetes.io/name': 'log-shipper',
        'app.kubernetes.io/part-of': 'agent-data-platform',
      },
    };
    const ports = [{ protocol: 'TCP', port: 9200 }];
    const [deny, out, into] = spec.networkPolicies;
    expect(deny).toEqual({
      metadata: { name: 'default-deny', namespace: 'platform-logs', labels },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [], egress: [] },
    });
    expect(out).toEqual({
      metadata: { name: 'log-shipper', namespace: 'platform-logs', labels },
      spec: {
        podSelector: shipper,
        policyTypes: ['Ingress', 'Egress'],
        ingress: [],
        egress: [
          {
            to: [
              {
                namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
                podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
              },
            ],
            ports: [
              { protocol: 'UDP', port: 53 },
              { protocol: 'TCP', port: 53 },
            ],
          },
          {
            to: [
              {
                namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'platform' } },
                podSelector: nodes,
              },
            ],
            ports,
          },
        ],
      },
    });
    expect(into).toEqual({
      metadata: { name: 'log-shipper', namespace: 'platform', labels },
      spec: {
        podSelector: nodes,
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ namespaceSelector: own, podSelector: shipper }], ports }],
      },
    });
    expect(logShipperSpec({ ...args, networkPolicies: false }).networkPolicies).toEqual([]);
  });

  it('replaces its pods when its configuration changes', () => {
    const { data } = spec.configMap;
    expect(spec.daemonSet.spec.template.metadata.annotations).toEqual({
      'agent-data-platform/config-checksum': checksum(`${data['rsyslog.conf']}${data['nginx.conf']}`),
    });
  });
});

test('rsyslog reads the logs of one namespace', () => {
  expect(rsyslogConfiguration('platform').match(/file="\/var[^"]*"/g)).toEqual([
    'file="/var/log/pods/platform_*/*/*.log"',
  ]);
});

test('nginx verifies Elasticsearch, and hands on nothing but documents', () => {
  const configuration = frontConfiguration(elasticsearch);
  expect(configuration.match(/location [^{]*/g)).toEqual([
    'location = /_cat/health ',
    'location = /_bulk ',
    'location @refused ',
    'location = /health ',
  ]);
  for (const line of [
    'listen 127.0.0.1:9200;',
    'server elasticsearch-es-http.platform.svc:9200;',
    'proxy_ssl_verify on;',
    'proxy_ssl_name elasticsearch-es-http.platform.svc;',
    'proxy_ssl_trusted_certificate /etc/log-shipper-front/ca.crt;',
  ])
    expect(configuration).toContain(line);
});

test('the login is a line of nginx', () => {
  expect(loginLine('user', 'password')).toBe(
    'proxy_set_header Authorization "Basic dXNlcjpwYXNzd29yZA==";\n',
  );
});

test.each([
  [{ namespace: 'a_*' }, 'log shipper: namespace must be a DNS label of at most 58 characters, got "a_*".'],
  [
    { elasticsearch: { ...elasticsearch, host: 'a; return 200' } },
    'log shipper: elasticsearch.host must be a DNS name, got "a; return 200".',
  ],
  [
    { elasticsearch: { ...elasticsearch, port: 0 } },
    'log shipper: elasticsearch.port must be between 1 and 65535, got 0.',
  ],
])('refuses %j', (change, message) => {
  expect(() => resolveLogShipperArgs({ ...args, ...change })).toThrow(new Error(message));
});

test('LogShipper declares its objects, and keeps the login secret', async () => {
  const declared = await declaredBy(
    () => new LogShipper('log-shipper', { ...args, username: 'user', password: 'hunter2', ca: 'PEM' }),
  );
  expect(declared.map(({ name }) => name).sort()).toEqual([
    'log-shipper',
    'log-shipper',
    'log-shipper-account',
    'log-shipper-config',
    'log-shipper-front',
    'log-shipper-namespace',
    'log-shipper-network-1',
    'log-shipper-network-2',
    'log-shipper-network-3',
  ]);
  const { inputs } = declared.find(({ path, name }) => name === 'log-shipper' && path.endsWith('DaemonSet'))!;
  expect(inputs.spec.template.metadata.annotations).toMatchObject({
    'agent-data-platform/credentials-checksum': checksum(loginLine('user', 'hunter2')),
    'agent-data-platform/ca-checksum': checksum('PEM'),
  });
  expect(JSON.stringify(inputs)).not.toContain('hunter2');
});
