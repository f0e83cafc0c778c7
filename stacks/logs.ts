import { z } from 'zod';
import type { Elasticsearch } from '../components/elasticsearch';
import { LogShipper } from '../components/log-shipper';
import { images } from '../components/versions';
import { imageReference, resources, type Resources } from './stores/fields';
import type { Platform, StoreOptions, StoreTls } from './stores/store';

/** Shape of `elasticsearch.logs` of the stack configuration. */
export const logsSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .optional()
      .describe('Whether what the stores log, and their audit trails, go to Elasticsearch.'),
    image: imageReference
      .optional()
      .describe('Image of rsyslog 8.2504 or newer with its Elasticsearch output; absent: the official one.'),
    proxyImage: imageReference.optional().describe('Image of nginx beside it.'),
    resources: resources.optional().describe('Requests and limits of the shipper on each node.'),
  })
  .describe('The log shipper, which runs in a namespace of its own, see docs/audit.md.');

/** Settings of the log shipper. */
export interface LogsSettings {
  readonly enabled: boolean;
  readonly image?: string;
  readonly proxyImage?: string;
  readonly resources?: Resources;
}

/** Declares the log shipper; needs Elasticsearch and its data streams. */
export function declareLogShipper(
  settings: LogsSettings,
  elasticsearch: Elasticsearch,
  { ca }: StoreTls,
  { namespace, priorityClass, networkPolicies }: Platform,
  { provider, dependsOn }: StoreOptions,
): void {
  if (!settings.enabled) return;
  new LogShipper(
    'log-shipper',
    {
      namespace,
      images: { rsyslog: settings.image ?? images.rsyslog, nginx: settings.proxyImage ?? images.nginx },
      elasticsearch: {
        host: elasticsearch.host,
        port: elasticsearch.port,
        pods: elasticsearch.pods,
      },
      priorityClass,
      networkPolicies,
      ...(settings.resources ? { resources: settings.resources } : {}),
      ...elasticsearch.logins.shipper,
      ca,
    },
    { provider, dependsOn },
  );
}
