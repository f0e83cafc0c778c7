import { images, versions } from '../../components/versions';
import type { GoBuild } from '../go-build';
import { addOnImages, goBuilds } from '../versions';
import { chromaFiles } from './chroma';
import { elasticsearchFiles } from './elasticsearch';
import { neo4jFiles } from './neo4j';
import { architecture, type ImageConfig } from './oci';
import { opsFiles, opsReference } from './ops';
import { oxigraphFiles } from './oxigraph';
import { qdrantFiles } from './qdrant';

/** How to make one image. */
export interface Recipe {
  /** `scratch` for static binaries alone, `debian` for packages on the shared base layer. */
  readonly base: 'scratch' | 'debian';
  /** Debian packages, without their recommendations. */
  readonly packages?: readonly string[];
  /** Shell commands inside the image before its packages are installed, such as users with fixed ids. */
  readonly before?: string;
  /** Debian package whose upstream version must be the one in components/versions.ts. */
  readonly expect?: { readonly package: string; readonly version: string };
  /** Build whose binaries are copied: path in the image by name of the binary. */
  readonly build?: GoBuild;
  readonly binaries?: Readonly<Record<string, string>>;
  /** Files that no Debian package and no Go build has, such as Java archives. */
  readonly files?: ImageFiles;
  /** Symbolic links: target by path in the image. */
  readonly links?: Readonly<Record<string, string>>;
  readonly config: ImageConfig;
}

/** Files that are added to an image after its packages. */
export interface ImageFiles {
  /** Changes with what is added; part of the image's version in the cache. */
  readonly version: string;
  /** @param root folder of the image's root; may be run in it with `chroot` only after its packages are there. */
  add(root: string, report: (line: string) => void): Promise<void>;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const POSTGRES_MAJOR = versions.postgres.split('.')[0];
const NOBODY = '65534:65534';

function user(name: string, uid: number, gid: number): string {
  return (
    `groupadd --system --gid ${gid} ${name}\n` +
    `useradd --system --uid ${uid} --gid ${gid} --no-create-home --shell /usr/sbin/nologin ${name}\n`
  );
}

/** Recipes of every image that the platform and the one-node cluster run, by reference. */
export const recipes: Readonly<Record<string, Recipe>> = {
  [images.postgres]: {
    base: 'debian',
    // Without this the package would initialise a database inside the image.
    before:
      'mkdir -p /etc/postgresql-common\n' +
      'echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf\n' +
      'groupadd --system postgres\n' +
      'useradd --system --uid 26 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres\n',
    packages: [
      `postgresql-${POSTGRES_MAJOR}`,
      `postgresql-${POSTGRES_MAJOR}-pgaudit`,
      `postgresql-${POSTGRES_MAJOR}-pgvector`,
      'barman-cli-cloud',
      // Object storage of the S3 kind, which barman-cli-cloud only recommends.
      'python3-boto3',
      'ca-certificates',
    ],
    expect: { package: `postgresql-${POSTGRES_MAJOR}`, version: versions.postgres },
    config: {
      User: '26',
      Env: [`PATH=/usr/lib/postgresql/${POSTGRES_MAJOR}/bin:${PATH}`, 'LANG=C.UTF-8'],
    },
  },
  [images.pgbouncer]: {
    base: 'debian',
    // The ids that CloudNativePG's Pooler runs it with.
    before: user('pgbouncer', 998, 996),
    packages: ['pgbouncer', 'postgresql-client', 'ca-certificates'],
    expect: { package: 'pgbouncer', version: versions.pgbouncer },
    // Where the operator starts it; Debian installs it as a system command.
    links: { '/usr/bin/pgbouncer': '../sbin/pgbouncer' },
    config: { User: '998:996', Env: [`PATH=${PATH}`], Entrypoint: ['/usr/bin/pgbouncer'] },
  },
  [images.redis]: {
    base: 'debian',
    before: user('redis', 999, 999),
    packages: ['redis-server', 'redis-sentinel', 'redis-tools'],
    expect: { package: 'redis-server', version: versions.redis },
    config: { User: '999:999', Env: [`PATH=${PATH}`], Entrypoint: ['redis-server'], WorkingDir: '/tmp' },
  },
  [images.neo4j]: {
    base: 'debian',
    // Java's package links its manual pages there.
    before: `${user('neo4j', 7474, 7474)}mkdir -p /usr/share/man/man1\n`,
    packages: ['openjdk-21-jre-headless', 'tini'],
    files: neo4jFiles,
    config: {
      User: '7474:7474',
      Env: [`PATH=${PATH}`, 'LANG=C.UTF-8', 'NEO4J_HOME=/var/lib/neo4j', 'NEO4J_EDITION=community'],
      Entrypoint: ['tini', '-g', '--', '/startup/docker-entrypoint.sh'],
      Cmd: ['neo4j'],
      WorkingDir: '/var/lib/neo4j',
    },
  },
  [images.qdrant]: {
    base: 'debian',
    before: user('qdrant', 1000, 1000),
    packages: ['python3', 'python3-yaml'],
    files: qdrantFiles,
    config: {
      User: '1000:1000',
      Env: [`PATH=${PATH}`, 'RUN_MODE=production', 'PYTHONDONTWRITEBYTECODE=1'],
      Cmd: ['./entrypoint.sh'],
      WorkingDir: '/qdrant',
    },
  },
  [images.oxigraph]: {
    base: 'debian',
    packages: ['ca-certificates', 'libstdc++6'],
    files: oxigraphFiles,
    config: {
      User: NOBODY,
      Env: [`PATH=${PATH}`],
      Entrypoint: ['/usr/local/bin/oxigraph'],
      Cmd: ['serve', '--location', '/data', '--bind', '0.0.0.0:7878'],
    },
  },
  [images.chroma]: {
    base: 'debian',
    packages: ['ca-certificates', 'dumb-init', 'python3-minimal'],
    files: chromaFiles,
    config: {
      User: NOBODY,
      Env: [`PATH=${PATH}`],
      Entrypoint: ['dumb-init', '--', 'chroma'],
      Cmd: ['run', '/config.yaml'],
    },
  },
  [images.nginx]: {
    base: 'debian',
    before: user('nginx', 101, 101),
    packages: ['nginx'],
    expect: { package: 'nginx', version: versions.nginx },
    config: { User: '101:101', Env: [`PATH=${PATH}`], Cmd: ['nginx', '-g', 'daemon off;'] },
  },
  [images.rsyslog]: {
    base: 'debian',
    packages: ['rsyslog', 'rsyslog-elasticsearch', 'ca-certificates'],
    expect: { package: 'rsyslog', version: versions.rsyslog },
    config: { User: NOBODY, Env: [`PATH=${PATH}`], Cmd: ['rsyslogd', '-n'] },
  },
  [images.elasticsearch]: {
    base: 'debian',
    before:
      'useradd --system --uid 1000 --gid 0 --home-dir /usr/share/elasticsearch elasticsearch\n' +
      // Java's package links its manual pages there.
      'mkdir -p /usr/share/man/man1\n',
    // The probe of the operator's pods asks with nc.
    packages: ['openjdk-21-jre-headless', 'tini', 'curl', 'netcat-openbsd', 'ca-certificates'],
    files: elasticsearchFiles,
    config: {
      User: '1000:0',
      Env: [`PATH=/usr/share/elasticsearch/bin:${PATH}`],
      Entrypoint: ['/usr/bin/tini', '--', '/usr/local/bin/docker-entrypoint.sh'],
      Cmd: ['eswrapper'],
      WorkingDir: '/usr/share/elasticsearch',
    },
  },
  [images.eck]: {
    base: 'debian',
    packages: ['ca-certificates'],
    build: goBuilds.eck,
    binaries: { cmd: '/elastic-operator' },
    // The operator reads its default settings from there.
    config: { User: '1000:0', Entrypoint: ['/elastic-operator'], Cmd: ['manager'], WorkingDir: '/' },
  },
  [images.minio]: {
    base: 'debian',
    before: user('minio', 1000, 1000),
    packages: ['ca-certificates'],
    build: goBuilds.minio,
    binaries: { minio: '/usr/bin/minio' },
    config: { User: '1000:1000', Env: [`PATH=${PATH}`], Entrypoint: ['/usr/bin/minio'] },
  },
  [opsReference]: {
    base: 'debian',
    before: user('redis', 999, 999),
    packages: [`postgresql-client-${POSTGRES_MAJOR}`, 'redis-server', 'ca-certificates'],
    files: opsFiles,
    config: { User: NOBODY, Env: [`PATH=${PATH}`], Entrypoint: ['platform'] },
  },
  [images.vault]: {
    base: 'debian',
    before: user('vault', 100, 1000),
    packages: ['ca-certificates'],
    build: goBuilds.vault,
    binaries: { vault: '/usr/bin/vault' },
    config: { User: '100:1000', Env: [`PATH=${PATH}`], Entrypoint: ['/bin/vault'], Cmd: ['server', '-dev'] },
  },
  [images.cloudNativePg]: {
    base: 'scratch',
    build: goBuilds.cloudNativePg,
    // The operator finds the binaries that it puts into PostgreSQL's pods by architecture.
    binaries: { manager: `/operator/manager_${architecture()}` },
    links: { '/manager': `operator/manager_${architecture()}` },
    config: { User: '10001:10001', Entrypoint: ['/manager'], WorkingDir: '/' },
  },
  [images.barmanCloudPlugin]: {
    base: 'scratch',
    build: goBuilds.barmanCloudPlugin,
    binaries: { manager: '/manager' },
    config: { User: '65532:65532', Entrypoint: ['/manager'], WorkingDir: '/' },
  },
  [images.barmanCloudSidecar]: {
    base: 'debian',
    packages: [
      'barman-cli-cloud',
      // What it only recommends or may use: object storage of the S3 kind, and compression of the log.
      'python3-boto3',
      'python3-zstandard',
      'ca-certificates',
    ],
    build: goBuilds.barmanCloudPlugin,
    binaries: { manager: '/manager' },
    config: { User: '26:26', Env: [`PATH=${PATH}`, 'LANG=C.UTF-8'], Entrypoint: ['/manager'] },
  },
  [addOnImages.pause]: {
    base: 'scratch',
    build: goBuilds.pause,
    binaries: { pause: '/pause' },
    config: { User: NOBODY, Entrypoint: ['/pause'] },
  },
  [addOnImages.coreDns]: {
    base: 'scratch',
    build: goBuilds.coreDns,
    binaries: { coredns: '/coredns' },
    config: { User: NOBODY, Entrypoint: ['/coredns'], WorkingDir: '/' },
  },
  [addOnImages.localPathProvisioner]: {
    base: 'scratch',
    build: goBuilds.localPathProvisioner,
    binaries: { 'local-path-provisioner': '/usr/bin/local-path-provisioner' },
    config: { User: NOBODY, Env: [`PATH=${PATH}`], Entrypoint: ['local-path-provisioner'] },
  },
  [addOnImages.localPathHelper]: { base: 'debian', config: { Env: [`PATH=${PATH}`], Cmd: ['sh'] } },
};
