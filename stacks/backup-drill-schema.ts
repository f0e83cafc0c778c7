import { z } from 'zod';
import { drilledStores } from '../ops/stores';
import { count, cron, dnsLabel, quantity, resources } from './stores/fields';

/** Shape of the section `backups.drill`. */
export const drillSchema = z.strictObject({
  enabled: z.boolean().default(true),
  schedule: cron.default('0 5 * * 0'),
  of: z.string().optional(),
  rtoMinutes: count(1).default(240),
  // What copies that are made once a day can reach, with room for a slow one.
  rpoMinutes: count(1).default(26 * 60),
  // A weekly drill, and a day for one that has to be looked into.
  maxAgeDays: count(1).default(8),
  identitySecret: dnsLabel.optional(),
  resources: resources.optional(),
  servers: z.partialRecord(z.enum(drilledStores), resources).optional(),
  size: quantity.default('50Gi'),
});
