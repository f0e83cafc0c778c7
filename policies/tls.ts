import { kindOf, objectName, ResourceRule } from './rule';
import { isElasticsearch } from './stores';

/** A store whose own settings decide about TLS has it on; PostgreSQL has a rule of its own. */
export const storeTls: ResourceRule = {
  name: 'store-tls',
  description: 'Elasticsearch and Qdrant serve TLS.',
  url: 'https://www.elastic.co/docs/deploy-manage/security/k8s-https-settings',
  severity: 'high',
  check: (resource) => {
    const where = objectName(resource);
    if (isElasticsearch(resource)) {
      const spec = resource.props.spec as
        { http?: { tls?: { selfSignedCertificate?: { disabled?: boolean } } } } | undefined;
      const disabled = spec?.http?.tls?.selfSignedCertificate?.disabled === true;
      return disabled ? [`${where} switches TLS off; remove selfSignedCertificate.disabled.`] : [];
    }
    const text = qdrantSettings(kindOf(resource.type), resource.props.data);
    if (text === undefined || /^service:\n(?:[ ]+.*\n)*?[ ]+enable_tls: true$/m.test(text)) return [];
    return [`${where} serves Qdrant without TLS; set service.enable_tls: true with a certificate.`];
  },
};

/** Qdrant's configuration file, where an object holds it. */
function qdrantSettings(kind: string | undefined, data: unknown): string | undefined {
  if (kind !== 'ConfigMap') return undefined;
  const text = (data as Record<string, string> | undefined)?.['production.yaml'];
  return text?.includes('hnsw_index') ? text : undefined;
}
