import { z } from 'zod';

/** Shape of the section `tls`. */
export const tlsSchema = z.strictObject({
  issuer: z
    .enum(['stack', 'cert-manager'])
    .default('stack')
    .describe(
      'Who signs the certificates of the servers: an authority that the stack makes, or the cert-manager of the cluster. PostgreSQL has an authority of its operator.',
    ),
  issuerRef: z
    .strictObject({
      kind: z.enum(['Issuer', 'ClusterIssuer']),
      name: z
        .string()
        .regex(
          /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
          'must be the name of an issuer, such as internal-ca',
        ),
    })
    .optional()
    .describe(
      'Issuer of cert-manager; default one that it makes in the namespace. Its Secrets must have `ca.crt`.',
    ),
  validDays: z
    .number()
    .int()
    .min(7)
    .max(825)
    .default(365)
    .describe('Days from the issue of a certificate to its end; renewed by an update in their last third.'),
});

/** Settings of the section `tls`. */
export type TlsSettings = z.infer<typeof tlsSchema>;
