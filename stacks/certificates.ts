import type * as pulumi from '@pulumi/pulumi';
import { Certificates } from '../components/certificates';
import type { CertificateRequest } from '../components/certificates/request';
import type { PlatformConfig } from './config';
import { type StoreKey, stores } from './stores';
import type { AnyStore, Platform } from './stores/store';
import { vault } from './vault';

/** Declares the certificates of every store that is on. */
export function declareCertificates(
  config: PlatformConfig,
  platform: Platform,
  options: pulumi.ComponentResourceOptions,
): Certificates {
  const { issuer, issuerRef, validDays } = config.tls;
  return new Certificates(
    'certificates',
    {
      namespace: config.namespace,
      ...{ issuer, issuerRef, validDays },
      requests: certificateRequests(config, platform),
      context: config.kubeContext,
    },
    options,
  );
}

/** What the servers of every store that is on need. */
export function certificateRequests(config: PlatformConfig, platform: Platform): CertificateRequest[] {
  const ofStores = (Object.keys(stores) as StoreKey[]).flatMap((key) => {
    const settings = config[key] as { enabled?: boolean };
    if (settings.enabled === false) return [];
    return (stores[key] as AnyStore).certificates?.(settings, platform) ?? [];
  });
  return [...ofStores, ...(config.vault.enabled ? vault.certificates(config.vault, platform) : [])];
}
