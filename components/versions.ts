/** Versions of everything the program asks Kubernetes to run: the one place to change them. */
export const versions = {
  cloudNativePg: '1.30.0',
  barmanCloudPlugin: '0.14.0',
  postgres: '17.12',
  pgbouncer: '1.24.1',
  redis: '8.0.2',
  neo4j: '5.26.12',
  eck: '3.5.0',
  elasticsearch: '9.2.0',
  qdrant: '1.19.0',
  oxigraph: '0.5.11',
  chroma: '1.5.9',
  nginx: '1.26.3',
  vault: '1.21.1',
  /** Oldest version that the shipper's configuration is written for; the official image is of the month in its tag. */
  rsyslog: '8.2504.0',
  /** Go module version of the MinIO source that the image is built from. */
  minioModule: 'v0.0.0-20260212201848-7aac2a2c5b7c',
  minio: '2026-02-12',
} as const;

/** Default image references; each can be replaced in the stack configuration, by digest for production. */
export const images = {
  cloudNativePg: `ghcr.io/cloudnative-pg/cloudnative-pg:${versions.cloudNativePg}`,
  /** Plugin of the operator, for PostgreSQL's archive in object storage. */
  barmanCloudPlugin: `ghcr.io/cloudnative-pg/plugin-barman-cloud:v${versions.barmanCloudPlugin}`,
  /** Runs beside each PostgreSQL instance that has an archive. */
  barmanCloudSidecar: `ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v${versions.barmanCloudPlugin}`,
  postgres: `ghcr.io/cloudnative-pg/postgresql:${versions.postgres}-standard-trixie`,
  pgbouncer: `ghcr.io/cloudnative-pg/pgbouncer:${versions.pgbouncer}`,
  redis: `docker.io/library/redis:${versions.redis}`,
  neo4j: `docker.io/library/neo4j:${versions.neo4j}-community`,
  /** The operator of Elasticsearch. */
  eck: `docker.elastic.co/eck/eck-operator:${versions.eck}`,
  elasticsearch: `docker.elastic.co/elasticsearch/elasticsearch:${versions.elasticsearch}`,
  qdrant: `docker.io/qdrant/qdrant:v${versions.qdrant}`,
  oxigraph: `ghcr.io/oxigraph/oxigraph:${versions.oxigraph}`,
  chroma: `docker.io/chromadb/chroma:${versions.chroma}`,
  /** Authenticates requests in front of stores that cannot. */
  nginx: `docker.io/library/nginx:${versions.nginx}`,
  vault: `docker.io/hashicorp/vault:${versions.vault}`,
  /** Ships logs to Elasticsearch. */
  rsyslog: 'docker.io/rsyslog/rsyslog-collector:2025-10',
  /** Built from source by the stack, see components/minio. */
  minio: `agent-data-platform/minio:${versions.minio}`,
} as const;

/** Images under a licence that somebody must accept first; the one-node cluster has none of them. */
export const licensedImages = {
  neo4jEnterprise: `docker.io/library/neo4j:${versions.neo4j}-enterprise`,
} as const;

/** The CloudNativePG release manifest: users fetch the URL, closed networks read the same bytes from the Go module. */
export const cloudNativePgManifest = {
  url: `https://raw.githubusercontent.com/cloudnative-pg/cloudnative-pg/v${versions.cloudNativePg}/releases/cnpg-${versions.cloudNativePg}.yaml`,
  sha256: 'f8bede43fe4ee0d478c2355b204a36876b2ae4faac60f2a9452280b293da3b88',
} as const;

/** The CustomResourceDefinitions of ECK: users fetch the URL, closed networks read the same bytes from the Go module. */
export const eckDefinitions = {
  url: `https://raw.githubusercontent.com/elastic/cloud-on-k8s/v${versions.eck}/config/crds/v1/all-crds.yaml`,
  sha256: '3f65a218451a97f126ebd8531205bd5e7dacbe05c10d90344f976f00fdcdbc3d',
} as const;

/** The CustomResourceDefinition of the Barman Cloud plugin: users fetch the URL, closed networks read the same bytes from the Go module. */
export const barmanCloudDefinitions = {
  url: `https://raw.githubusercontent.com/cloudnative-pg/plugin-barman-cloud/v${versions.barmanCloudPlugin}/config/crd/bases/barmancloud.cnpg.io_objectstores.yaml`,
  sha256: '7c98720494253421339acd03aa77487869326ea20d4768a0c3aef8ff076daaef',
} as const;
