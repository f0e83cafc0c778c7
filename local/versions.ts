import { versions } from '../components/versions';
import type { GoBuild } from './go-build';

/** Versions of the tools and cluster add-ons that are built from source; `local/go/<name>/go.mod` pins the same. */
export const toolVersions = {
  pulumi: 'v3.255.0',
  /** The last version of the Node.js language host that is part of the sdk module; newer CLIs still accept it. */
  pulumiLanguageNodejs: 'v3.65.0',
  kubernetes: 'v1.34.3',
  coreDns: 'v1.13.1',
  localPathProvisioner: 'v0.0.30',
  cloudNativePg: `v${versions.cloudNativePg}`,
  barmanCloudPlugin: `v${versions.barmanCloudPlugin}`,
  eck: `v${versions.eck}`,
  minio: versions.minioModule,
  vault: `v${versions.vault}`,
} as const;

const PULUMI_VERSION = 'github.com/pulumi/pulumi/sdk/v3/go/common/version.Version';
const ECK = 'github.com/elastic/cloud-on-k8s/v3/pkg/about';
const KUBERNETES_VERSION = 'k8s.io/component-base/version';
const [kubernetesMajor, kubernetesMinor] = toolVersions.kubernetes.slice(1).split('.');

/** Everything that can be built from source, by the name of its wrapper module. */
export const goBuilds = {
  pulumi: {
    name: 'pulumi',
    packages: ['github.com/pulumi/pulumi/pkg/v3/cmd/pulumi'],
    ldflags: `-s -w -X ${PULUMI_VERSION}=${toolVersions.pulumi}`,
  },
  pulumiLanguageNodejs: {
    name: 'pulumi-language-nodejs',
    packages: ['github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs'],
    ldflags: `-s -w -X ${PULUMI_VERSION}=${toolVersions.pulumiLanguageNodejs}`,
  },
  kubernetes: {
    name: 'kubernetes',
    packages: [
      'k8s.io/kubernetes/cmd/kube-apiserver',
      'k8s.io/kubernetes/cmd/kube-controller-manager',
      'k8s.io/kubernetes/cmd/kube-scheduler',
      'k8s.io/kubernetes/cmd/kubelet',
      'k8s.io/kubernetes/cmd/kube-proxy',
      'k8s.io/kubernetes/cmd/kubectl',
    ],
    ldflags:
      `-s -w -X ${KUBERNETES_VERSION}.gitVersion=${toolVersions.kubernetes}` +
      ` -X ${KUBERNETES_VERSION}.gitMajor=${kubernetesMajor} -X ${KUBERNETES_VERSION}.gitMinor=${kubernetesMinor}`,
  },
  cloudNativePg: {
    name: 'cloudnative-pg',
    packages: ['github.com/cloudnative-pg/cloudnative-pg/cmd/manager'],
  },
  barmanCloudPlugin: {
    name: 'plugin-barman-cloud',
    packages: ['github.com/cloudnative-pg/plugin-barman-cloud/cmd/manager'],
  },
  eck: {
    name: 'cloud-on-k8s',
    packages: ['github.com/elastic/cloud-on-k8s/v3/cmd'],
    // The operator refuses to start without a version that it can parse.
    ldflags: `-s -w -X ${ECK}.version=${versions.eck} -X ${ECK}.buildSnapshot=false`,
  },
  minio: { name: 'minio', packages: ['github.com/minio/minio'] },
  /** Without the plugins that local/go/vault/main.go leaves out. */
  vault: { name: 'vault', packages: ['.'], tags: ['minimal'] },
  coreDns: { name: 'coredns', packages: ['github.com/coredns/coredns'] },
  localPathProvisioner: {
    name: 'local-path-provisioner',
    packages: ['github.com/rancher/local-path-provisioner'],
  },
  pause: { name: 'pause', packages: ['.'] },
  kubeNetworkPolicies: { name: 'kube-network-policies', packages: ['.'] },
  kubeconform: { name: 'kubeconform', packages: ['github.com/yannh/kubeconform/cmd/kubeconform'] },
  kubeScore: { name: 'kube-score', packages: ['github.com/zegl/kube-score/cmd/kube-score'] },
  /** Only for a test of the certificates that it signs. */
  certManager: { name: 'cert-manager', packages: ['.'] },
  actionlint: { name: 'actionlint', packages: ['github.com/rhysd/actionlint/cmd/actionlint'] },
  /** Only for `npm run bench:migrations`, with PostgreSQL as their only database. */
  goose: {
    name: 'goose',
    packages: ['github.com/pressly/goose/v3/cmd/goose'],
    tags: ['no_clickhouse', 'no_libsql', 'no_mssql', 'no_mysql', 'no_sqlite3', 'no_vertica', 'no_ydb'],
  },
  golangMigrate: {
    name: 'golang-migrate',
    packages: ['github.com/golang-migrate/migrate/v4/cmd/migrate'],
    tags: ['postgres'],
  },
} satisfies Record<string, GoBuild>;

/** Images that only the one-node cluster itself runs. */
export const addOnImages = {
  pause: 'agent-data-platform/pause:1',
  coreDns: `docker.io/coredns/coredns:${toolVersions.coreDns.slice(1)}`,
  localPathProvisioner: `docker.io/rancher/local-path-provisioner:${toolVersions.localPathProvisioner}`,
  /** Makes and removes the folders of volumes. */
  localPathHelper: 'agent-data-platform/local-path-helper:trixie',
} as const;
