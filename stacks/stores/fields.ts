/** Shapes of configuration values that several stores share; every message says what the value must be. */
import { z } from 'zod';

export const quantity = z
  .string()
  .regex(
    /^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/,
    'must be a Kubernetes quantity such as 500m, 512Mi or 10Gi',
  );

const CRON_FIELD = '[0-9*/,-]+';
export const cron = z
  .string()
  .regex(
    new RegExp(`^${Array(5).fill(CRON_FIELD).join(' ')}$`),
    'must be five fields of cron such as 0 2 * * *',
  );

export const count = (min: number) => z.number().int().min(min);

export const resources = z.strictObject({
  requests: z.strictObject({ cpu: quantity, memory: quantity }),
  limits: z.strictObject({ cpu: quantity.optional(), memory: quantity }),
});

export const imageReference = z
  .string()
  .regex(
    /^\w[\w.:/-]*(:\w[\w.-]{0,127}|@sha256:[a-f0-9]{64})$/,
    'must carry a tag or a digest (name:tag or name@sha256:…)',
  )
  .refine(
    (image) => !image.endsWith(':latest'),
    'must not be :latest, which changes under a running platform',
  );

export const digestReference = z
  .string()
  .regex(/^\w[\w.:/-]*@sha256:[a-f0-9]{64}$/, 'must be pinned by digest (name@sha256:…)');

export const dnsLabel = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label (a-z, 0-9 and -)');

/** Address of a server; its credentials belong into a Secret. */
export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an address such as http://minio:9000' })
  .refine((url) => !URL.canParse(url) || new URL(url).username + new URL(url).password === '', {
    error: 'must hold no user or password',
  });

/** PEM of a certificate authority. */
export const certificate = z
  .string()
  .startsWith('-----BEGIN CERTIFICATE-----', 'must be a certificate in PEM');

export const spread = z.enum(['preferred', 'required']);
export type Spread = z.infer<typeof spread>;

/** CPU and memory of a container. */
export type Resources = z.infer<typeof resources>;

/** Requests as given, the memory limit equal to the request so that a pod is never evicted for using what it asked for. */
export function fixedResources(cpu: string, memory: string, cpuLimit?: string): Resources {
  return {
    requests: { cpu, memory },
    limits: { ...(cpuLimit ? { cpu: cpuLimit } : {}), memory },
  };
}
