import { z } from 'zod';
import { Oxigraph } from '../../components/oxigraph';
import { type OxigraphArgs, resolveOxigraphArgs } from '../../components/oxigraph-args';
import { images } from '../../components/versions';
import { connectionReference } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import { ontologyGraph, projectGraphs } from '../../migrations/targets/oxigraph/names';
import type { SecretReference } from '../outputs';
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
  /** HTTP Basic: `app` at all endpoints, `readonly` at the read-only one. */
  readonly credentials: { readonly app: SecretReference; readonly readonly: SecretReference };
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
});

interface OxigraphSettings {
  readonly enabled: boolean;
  readonly image: string;
  readonly proxyImage: string;
  readonly storageSize: string;
  readonly resources: Resources;
  readonly applicationAccess: 'update' | 'graph-store';
  readonly queryTimeoutSeconds: number;
}

const dev: OxigraphSettings = {
  enabled: true,
  image: images.oxigraph,
  proxyImage: images.nginx,
  storageSize: '2Gi',
  resources: fixedResources('25m', '256Mi'),
  applicationAccess: 'update',
  queryTimeoutSeconds: 60,
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
  };
}

/** Oxigraph: the ontology and the projects' RDF graphs, asked in SPARQL. */
export const oxigraphStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: overridden,
  args,
  check: (settings, platform) => void resolveOxigraphArgs(args(settings, platform)),
  deploy(settings, platform, options): OxigraphOutputs {
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
    const url = `http://${oxigraph.host}:${oxigraph.port}`;
    return {
      queryUrl: `${url}/query`,
      updateUrl: `${url}/update`,
      graphStoreUrl: `${url}/store`,
      readOnlyQueryUrl: `http://${oxigraph.readOnlyHost}:${oxigraph.port}/query`,
      graphs: { ontology: ontologyGraph, projectPrefix: projectGraphs },
      credentials: { app: login('oxigraph-app'), readonly: login('oxigraph-readonly') },
    };
  },
});
