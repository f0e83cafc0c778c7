import { images, versions } from '../../components/versions';
import type { GoBuild } from '../go-build';
import { addOnImages, goBuilds } from '../versions';
import { architecture, type ImageConfig } from './oci';

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
  [images.minio]: {
    base: 'debian',
    before: user('minio', 1000, 1000),
    packages: ['ca-certificates'],
    build: goBuilds.minio,
    binaries: { minio: '/usr/bin/minio' },
    config: { User: '1000:1000', Env: [`PATH=${PATH}`], Entrypoint: ['/usr/bin/minio'] },
  },
  [images.cloudNativePg]: {
    base: 'scratch',
    build: goBuilds.cloudNativePg,
    // The operator finds the binaries that it puts into PostgreSQL's pods by architecture.
    binaries: { manager: `/operator/manager_${architecture()}` },
    links: { '/manager': `operator/manager_${architecture()}` },
    config: { User: '10001:10001', Entrypoint: ['/manager'], WorkingDir: '/' },
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
