import { z } from 'zod';
import { defaultPeers } from '../components/network-policies-args';

const LABEL_NAME = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

const labels = z
  .record(
    z.string().regex(LABEL_NAME, 'must be a label such as team or example.com/team'),
    z
      .string()
      .regex(LABEL_VALUE, 'must be the value of a label: at most 63 letters, digits, "-", "_" and "."'),
  )
  .refine((found) => Object.keys(found).length > 0, 'must have at least one label');
const peers = z.array(
  z
    .strictObject({ namespaceLabels: labels.optional(), podLabels: labels.optional() })
    .refine(
      ({ namespaceLabels, podLabels }) => namespaceLabels ?? podLabels,
      'must have namespaceLabels, podLabels or both',
    ),
);
const cidr = z
  .union([z.cidrv4(), z.cidrv6()])
  .refine((range) => !/\/0+$/.test(range), 'must be a range of addresses and not all of them');
const addresses = { cidr, ports: z.array(z.number().int().min(1).max(65535)).min(1) };

/** Shape of the network's section of the stack configuration. */
export const networkSchema = z.strictObject({
  policies: z
    .enum(['enabled', 'disabled'])
    .default('enabled')
    .describe(
      'Whether NetworkPolicies close the namespaces of the stores and of managed operators to everything but the platform’s own connections; the cluster’s network plugin must enforce them.',
    ),
  clients: peers
    .default([...defaultPeers.clients])
    .describe(
      'Pods that may use the stores, by labels of their namespace and of themselves; without `namespaceLabels` pods of the platform’s namespace.',
    ),
  monitoring: peers.default([...defaultPeers.monitoring]).describe('The same for pods that scrape metrics.'),
  apiServer: z
    .array(z.strictObject(addresses))
    .min(1)
    .optional()
    .describe('Addresses and ports of the API server; default those behind the Service `kubernetes`.'),
  egress: z
    .array(z.strictObject({ from: z.string(), ...addresses }))
    .default([])
    .describe(
      'Addresses outside of the cluster that a store may reach, such as object storage for snapshots: `from` names the pods (`elasticsearch`).',
    ),
});

/** Settings of the network. */
export type NetworkSettings = z.infer<typeof networkSchema>;
