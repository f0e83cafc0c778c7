import { z } from 'zod';
import { CA_SECRET } from '../../components/certificates';
import { Oxigraph } from '../../components/oxigraph';
import { type OxigraphArgs, resolveOxigraphArgs } from '../../components/oxigraph-args';
import { oxigraphCertificate } from '../../components/oxigraph-spec';
import { images } from '../../components/versions';
import { connectionReference } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import { ontologyGraph, projectGraphs } from '../../migrations/targets/oxigraph/names';
import { certificateAuthority, type SecretReference, type TlsOutputs } from '../outputs';
import { count, fixedResources, imageReference, quantity, resources, type Resources } from './fields';
import { defineStore, login, overridden, type Platform } from './store';

const DATABASE = 'platform';

/** How applications reach Oxigraph. */
export interface OxigraphOutputs {
  /** SPARQL 1.1 query and update endpoints, and the Graph Store protocol. */
  readonly queryUrl: string;
  readonly updateUrl: string;
  readonly graphStoreUrl: string;
  /** Query endpoint that takes no updates. */
  readonly readOnlyQueryUrl: string;
  readonly graphs: {
    /** Graph of the classes and properties. */
    readonly ontology: string;
    /** Start of the name of each project's graph; the project's identifier follows. */
    readonly projectPrefix: string;
  };
  readonly tls: TlsOutputs & { readonly mode: 'verify-full' };
  /**
   * HTTP Basic: `app` at all endpoints, `readonly` and `backup` at the read-only one, where `backup` also downloads graphs
   * (`/store`); `monitor` asks for `/health`.
   */
  readonly credentials: Readonly<Record<'app' | 'readonly' | 'backup' | 'monitor', SecretReference>>;
}

const schema = z.strictObject({
  enabled: z.boolean().optional().describe('Whether the platform has Oxigraph.'),
  image: imageReference.optional().describe('Oxigraph image, 0.5 or newer.'),
  proxyImage: imageReference.optional().describe('nginx image of the proxy that authenticates.'),
  storageSize: quantity.optional().describe('Size of the volume.'),
  resources: resources.optional().describe('Requests and limits of the server.'),
  applicationAccess: z
    .enum(['update', 'graph-store'])
    .optional()
    .describe('Whether applications may change every graph (`update`), or only whole graphs of projects.'),
  queryTimeoutSeconds: count(1).max(300).optional().describe('Seconds after which a query is stopped.'),
  rotation: count(1)
    .optional()
    .describe(
      'Raise it by one to replace the password of every role; the ones before stay valid until the next time.',
    ),
});

interface OxigraphSettings {
  readonly enabled: boolean;
  readonly image: string;
  readonly proxyImage: string;
  readonly storageSize: string;
  readonly resources: Resources;
  readonly applicationAccess: 'update' | 'graph-store';
  readonly queryTimeoutSeconds: number;
  readonly rotation: number;
}

const dev: OxigraphSettings = {
  enabled: true,
  image: images.oxigraph,
  proxyImage: images.nginx,
  storageSize: '2Gi',
  resources: fixedResources('25m', '256Mi'),
  applicationAccess: 'update',
  queryTimeoutSeconds: 60,
  rotation: 1,
};

const prod: OxigraphSettings = {
  ...dev,
  storageSize: '50Gi',
  resources: fixedResources('500m', '4Gi'),
};

function args(settings: OxigraphSettings, platform: Platform): OxigraphArgs {
  const { storageSize, enabled: _enabled, ...rest } = settings;
  return {
    ...rest,
    namespace: platform.namespace,
    storage: { size: storageSize, className: platform.storageClass },
    tlsSecret: 'oxigraph-tls',
    priorityClass: platform.priorityClass,
    ...(platform.kubeContext ? { context: platform.kubeContext } : {}),
  };
}

/** Oxigraph: the ontology and the projects' RDF graphs, asked in SPARQL. */
export const oxigraphStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: overridden,
  args,
  check: (settings, platform) => void resolveOxigraphArgs(args(settings, platform)),
  certificates: (settings, platform) => [oxigraphCertificate(args(settings, platform))],
  deploy(settings, platform, options, tls): OxigraphOutputs {
    const { namespace, kubeContext: context } = platform;
    const oxigraph = new Oxigraph('oxigraph', args(settings, platform), options);
    new StoreMigrations(
      'oxigraph-migrations',
      {
        store: 'oxigraph',
        database: DATABASE,
        connection: connectionReference('oxigraph', { namespace, context }),
      },
      { dependsOn: [oxigraph] },
    );
    const { protocol } = oxigraph;
    const url = `${protocol}://${oxigraph.host}:${oxigraph.port}`;
    return {
      queryUrl: `${url}/query`,
      updateUrl: `${url}/update`,
      graphStoreUrl: `${url}/store`,
      readOnlyQueryUrl: `${protocol}://${oxigraph.readOnlyHost}:${oxigraph.port}/query`,
      graphs: { ontology: ontologyGraph, projectPrefix: projectGraphs },
      tls: { mode: 'verify-full', ca: tls.ca, caSecret: certificateAuthority(CA_SECRET) },
      credentials: {
        app: login('oxigraph-app'),
        readonly: login('oxigraph-readonly'),
        backup: login('oxigraph-backup'),
        monitor: login('oxigraph-monitor'),
      },
    };
  },
});
