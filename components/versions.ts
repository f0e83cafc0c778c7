/** Versions of everything the program asks Kubernetes to run: the one place to change them. */
export const versions = {
  cloudNativePg: '1.30.0',
  postgres: '17.12',
  pgbouncer: '1.24.1',
  redis: '8.0.2',
  /** Go module version of the MinIO source that the image is built from. */
  minioModule: 'v0.0.0-20260212201848-7aac2a2c5b7c',
  minio: '2026-02-12',
} as const;

/** Default image references; each can be replaced in the stack configuration, by digest for production. */
export const images = {
  cloudNativePg: `ghcr.io/cloudnative-pg/cloudnative-pg:${versions.cloudNativePg}`,
  postgres: `ghcr.io/cloudnative-pg/postgresql:${versions.postgres}-standard-trixie`,
  pgbouncer: `ghcr.io/cloudnative-pg/pgbouncer:${versions.pgbouncer}`,
  redis: `docker.io/library/redis:${versions.redis}`,
  /** Built from source by the stack, see components/minio. */
  minio: `agent-data-platform/minio:${versions.minio}`,
} as const;

/** The CloudNativePG release manifest: users fetch the URL, closed networks read the same bytes from the Go module. */
export const cloudNativePgManifest = {
  url: `https://raw.githubusercontent.com/cloudnative-pg/cloudnative-pg/v${versions.cloudNativePg}/releases/cnpg-${versions.cloudNativePg}.yaml`,
  sha256: 'f8bede43fe4ee0d478c2355b204a36876b2ae4faac60f2a9452280b293da3b88',
} as const;
