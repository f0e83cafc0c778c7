import { z } from 'zod';
import { CA_SECRET } from '../../components/certificates';
import { Chroma } from '../../components/chroma';
import { type ChromaArgs, resolveChromaArgs } from '../../components/chroma-args';
import { chromaCertificate } from '../../components/chroma-spec';
import { images } from '../../components/versions';
import { connectionReference } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import { DATA_DATABASE, TENANT } from '../../migrations/targets/chroma/names';
import { certificateAuthority, type SecretReference, type TlsOutputs } from '../outputs';
import { count, fixedResources, imageReference, quantity, resources, type Resources } from './fields';
import { defineStore, overridden, type Platform } from './store';

const DATABASE = 'platform';

/** How applications reach Chroma. */
export interface ChromaOutputs {
  /** URL of the API, without its version. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tenant: string;
  readonly database: string;
  readonly tls: TlsOutputs & { readonly mode: 'verify-full' };
  /** Bearer tokens: `readonly` reads the default database, `backup` everything, `monitor` asks for `/health`. */
  readonly credentials: Readonly<Record<'app' | 'readonly' | 'backup' | 'monitor', SecretReference>>;
}

const schema = z.strictObject({
  enabled: z.boolean().optional().describe('Whether the platform has Chroma.'),
  image: imageReference.optional().describe('Chroma image, 1.0 or newer.'),
  proxyImage: imageReference.optional().describe('nginx image of the proxy that asks for a token.'),
  storageSize: quantity.optional().describe('Size of the volume.'),
  resources: resources.optional().describe('Requests and limits of the server.'),
  rotation: count(1)
    .optional()
    .describe(
      'Raise it by one to replace the token of every role; the ones before stay valid until the next time.',
    ),
});

interface ChromaSettings {
  readonly enabled: boolean;
  readonly image: string;
  readonly proxyImage: string;
  readonly storageSize: string;
  readonly resources: Resources;
  readonly rotation: number;
}

/** Optional in both sizes: Qdrant is the platform's vector store, Chroma is for applications written for it. */
const dev: ChromaSettings = {
  enabled: false,
  image: images.chroma,
  proxyImage: images.nginx,
  storageSize: '2Gi',
  resources: fixedResources('25m', '512Mi'),
  rotation: 1,
};

const prod: ChromaSettings = { ...dev, storageSize: '50Gi', resources: fixedResources('1', '8Gi') };

function args(settings: ChromaSettings, platform: Platform): ChromaArgs {
  const { storageSize, enabled: _enabled, ...rest } = settings;
  return {
    ...rest,
    namespace: platform.namespace,
    storage: { size: storageSize, className: platform.storageClass },
    tlsSecret: 'chroma-tls',
    priorityClass: platform.priorityClass,
    ...(platform.kubeContext ? { context: platform.kubeContext } : {}),
  };
}

function token(name: string): SecretReference {
  return { name, keys: { token: 'token' } };
}

/** Chroma: vector search for applications that are written for it. */
export const chromaStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: overridden,
  args,
  check: (settings, platform) => void resolveChromaArgs(args(settings, platform)),
  certificates: (settings, platform) => [chromaCertificate(args(settings, platform))],
  deploy(settings, platform, options, tls): ChromaOutputs {
    const { namespace, kubeContext: context } = platform;
    const chroma = new Chroma('chroma', args(settings, platform), options);
    new StoreMigrations(
      'chroma-migrations',
      {
        store: 'chroma',
        database: DATABASE,
        connection: connectionReference('chroma', { namespace, context }),
      },
      { dependsOn: [chroma] },
    );
    return {
      url: `${chroma.protocol}://${chroma.host}:${chroma.port}`,
      host: chroma.host,
      port: chroma.port,
      tenant: TENANT,
      database: DATA_DATABASE,
      tls: { mode: 'verify-full', ca: tls.ca, caSecret: certificateAuthority(CA_SECRET) },
      credentials: {
        app: token('chroma-app'),
        readonly: token('chroma-readonly'),
        backup: token('chroma-backup'),
        monitor: token('chroma-monitor'),
      },
    };
  },
});
