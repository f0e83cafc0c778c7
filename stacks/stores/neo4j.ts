import { z } from 'zod';
import type { Output } from '@pulumi/pulumi';
import { CA_SECRET } from '../../components/certificates';
import { Neo4j } from '../../components/neo4j';
import { type Neo4jArgs, neo4jPlugins, resolveNeo4jArgs } from '../../components/neo4j-args';
import { neo4jCertificate } from '../../components/neo4j-spec';
import { images, licensedImages } from '../../components/versions';
import { connectionReference } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import { certificateAuthority, type SecretReference, type TlsOutputs } from '../outputs';
import {
  count,
  fixedResources,
  imageReference,
  quantity,
  resources,
  type Resources,
  spread,
  type Spread,
} from './fields';
import { defineStore, login, overridden, type Platform } from './store';

const DATABASE = 'platform';
const TLS_SECRET = 'neo4j-tls';

const plugin = z.enum(neo4jPlugins);
const edition = z.enum(['community', 'enterprise']);
const acceptance = z.enum(['yes', 'eval']);

const schema = z.strictObject({
  enabled: z.boolean().optional().describe('Whether the platform has Neo4j.'),
  image: imageReference.optional().describe('Neo4j image of the edition; absent: the official one.'),
  edition: edition
    .optional()
    .describe('`community`: one server without roles; `enterprise`: clusters and roles, under a licence.'),
  acceptLicenseAgreement: acceptance
    .optional()
    .describe(
      'Acceptance of Neo4j’s licence for `enterprise`: `yes` (commercial licence) or `eval` (evaluation).',
    ),
  servers: count(1).optional().describe('Pods, all primaries; more than one needs `enterprise`.'),
  storageSize: quantity.optional().describe('Volume of each server.'),
  resources: resources
    .optional()
    .describe('Requests and limits of each server; heap and page cache follow from the memory limit.'),
  plugins: z.array(plugin).optional().describe('Plugins that the official image installs.'),
  antiAffinity: spread.optional().describe('Whether servers must or should run on different nodes.'),
  rotation: count(1)
    .optional()
    .describe(
      'Raise it by one to replace the password of every login; the ones before stay valid until the next time.',
    ),
});

interface Neo4jSettings {
  readonly enabled: boolean;
  readonly image?: string;
  readonly edition: z.infer<typeof edition>;
  readonly acceptLicenseAgreement?: z.infer<typeof acceptance>;
  readonly servers: number;
  readonly storageSize: string;
  readonly resources: Resources;
  readonly plugins: readonly z.infer<typeof plugin>[];
  readonly antiAffinity: Spread;
  readonly rotation: number;
}

const dev: Neo4jSettings = {
  enabled: true,
  edition: 'community',
  servers: 1,
  storageSize: '5Gi',
  resources: fixedResources('100m', '1Gi'),
  plugins: [],
  antiAffinity: 'preferred',
  rotation: 1,
};

/** One server: a cluster takes a licence that only the operator of the platform can accept. */
const prod: Neo4jSettings = {
  ...dev,
  storageSize: '100Gi',
  resources: fixedResources('2', '8Gi'),
  antiAffinity: 'required',
};

/** Neo4j’s part of the contract. */
export interface Neo4jOutputs {
  /** For drivers: `neo4j+s://…`. They verify with the machine's authorities, so they must be given the platform's, too. */
  readonly uri: string;
  readonly host: string;
  readonly port: number;
  /** Name of the graph. */
  readonly database: 'neo4j';
  readonly edition: 'community' | 'enterprise';
  readonly tls: TlsOutputs & { readonly mode: 'verify-full' };
  /** Null in edition community, which has no roles: each user may do everything there. */
  readonly credentials: { readonly app: SecretReference } & Readonly<
    Record<'readonly' | 'backup' | 'monitor', SecretReference | null>
  >;
  /** Newest applied schema version, such as `000002`. */
  readonly schemaVersion: Output<string>;
}

function args(settings: Neo4jSettings, platform: Platform): Neo4jArgs {
  const { enabled: _enabled, storageSize, ...rest } = settings;
  const official = settings.edition === 'enterprise' ? licensedImages.neo4jEnterprise : images.neo4j;
  return {
    ...rest,
    namespace: platform.namespace,
    image: settings.image ?? official,
    storage: { size: storageSize, className: platform.storageClass },
    tlsSecret: TLS_SECRET,
    priorityClass: platform.priorityClass,
    ...(platform.kubeContext ? { context: platform.kubeContext } : {}),
  };
}

/** Neo4j: the knowledge graph with its constraints, indexes and seed ontology. */
export const neo4jStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: overridden,
  args,
  check: (settings, platform) => void resolveNeo4jArgs(args(settings, platform)),
  certificates: (settings, platform) => [neo4jCertificate(args(settings, platform))],
  deploy(settings, platform, options, tls): Neo4jOutputs {
    const certificateFingerprint = tls.fingerprint(TLS_SECRET);
    const neo4j = new Neo4j('neo4j', { ...args(settings, platform), certificateFingerprint }, options);
    const ofEnterprise = (name: string) => (settings.edition === 'enterprise' ? login(name) : null);
    const migrations = new StoreMigrations(
      'neo4j-migrations',
      {
        store: 'neo4j',
        database: DATABASE,
        connection: connectionReference('neo4j', {
          namespace: platform.namespace,
          context: platform.kubeContext,
        }),
      },
      { dependsOn: [neo4j] },
    );
    return {
      uri: neo4j.uri,
      host: neo4j.host,
      port: neo4j.port,
      database: 'neo4j',
      edition: settings.edition,
      tls: { mode: 'verify-full', ca: tls.ca, caSecret: certificateAuthority(CA_SECRET) },
      credentials: {
        app: login('neo4j-app'),
        readonly: ofEnterprise('neo4j-readonly'),
        backup: ofEnterprise('neo4j-backup'),
        monitor: ofEnterprise('neo4j-monitor'),
      },
      schemaVersion: migrations.version,
    };
  },
});
