/** Index and snapshot lifecycle policies as the APIs take them. */
import { z } from 'zod';

const PHASES = ['hot', 'warm', 'cold', 'frozen', 'delete'] as const;
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time value of Elasticsearch, such as `30d`. @see https://www.elastic.co/docs/reference/elasticsearch/rest-apis/api-conventions#time-units */
const duration = z
  .string()
  .regex(/^(0|[1-9]\d{0,8})(ms|s|m|h|d)$/, 'must be a time such as 12h or 30d (units ms, s, m, h, d)');
const bytes = z.string().regex(/^[1-9]\d{0,8}(b|kb|mb|gb|tb)$/, 'must be a size such as 50gb');
const count = z.int().min(1);

const rollover = z
  .strictObject({
    max_age: duration.optional(),
    max_docs: count.optional(),
    max_size: bytes.optional(),
    max_primary_shard_size: bytes.optional(),
    max_primary_shard_docs: count.optional(),
    min_docs: count.optional(),
  })
  .refine(
    (conditions) => Object.keys(conditions).some((name) => name.startsWith('max_')),
    'must have at least one max_… condition',
  );
const nothing = z.strictObject({});
const setPriority = z.strictObject({ priority: z.int().min(0) });
const forcemerge = z.strictObject({
  max_num_segments: count,
  index_codec: z.literal('best_compression').optional(),
});
const shrink = z.strictObject({
  number_of_shards: count,
  allow_write_after_shrink: z.boolean().optional(),
});
const allocate = z.strictObject({
  number_of_replicas: z.int().min(0).optional(),
  total_shards_per_node: z.int().min(-1).optional(),
  require: z.record(z.string(), z.string()).optional(),
  include: z.record(z.string(), z.string()).optional(),
  exclude: z.record(z.string(), z.string()).optional(),
});
const migrate = z.strictObject({ enabled: z.boolean().optional() });
const searchableSnapshot = z.strictObject({
  snapshot_repository: z.string().min(1),
  force_merge_index: z.boolean().optional(),
});
const downsample = z.strictObject({ fixed_interval: duration });

/** The actions that Elasticsearch allows in each phase. */
const actions = {
  hot: z
    .strictObject({
      set_priority: setPriority,
      unfollow: nothing,
      rollover,
      readonly: nothing,
      downsample,
      shrink,
      forcemerge,
      searchable_snapshot: searchableSnapshot,
    })
    .partial(),
  warm: z
    .strictObject({
      set_priority: setPriority,
      unfollow: nothing,
      readonly: nothing,
      downsample,
      allocate,
      migrate,
      shrink,
      forcemerge,
    })
    .partial(),
  cold: z
    .strictObject({
      set_priority: setPriority,
      unfollow: nothing,
      readonly: nothing,
      downsample,
      searchable_snapshot: searchableSnapshot,
      allocate,
      migrate,
    })
    .partial(),
  frozen: z.strictObject({ unfollow: nothing, searchable_snapshot: searchableSnapshot }).partial(),
  delete: z
    .strictObject({
      wait_for_snapshot: z.strictObject({ policy: z.string().min(1) }),
      delete: z.strictObject({ delete_searchable_snapshot: z.boolean().optional() }),
    })
    .partial(),
};

const phase = <Actions extends z.ZodType>(allowed: Actions) =>
  z.strictObject({ min_age: duration.optional(), actions: allowed }).optional();

type Phases = Partial<Record<(typeof PHASES)[number], { min_age?: string }>>;

function milliseconds(time: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(time) ?? [];
  return Number(amount) * UNIT_MS[(unit ?? 'ms') as keyof typeof UNIT_MS];
}

/** Faults of the order of the phases: a later phase that starts before an earlier one. */
function orderFaults(phases: Phases): { path: string[]; message: string }[] {
  let latest: { name: string; age: string } | undefined;
  return PHASES.flatMap((name) => {
    const age = phases[name]?.min_age;
    if (age === undefined) return [];
    if (latest && milliseconds(age) < milliseconds(latest.age)) {
      const message = `is ${age}, before the phase ${latest.name} starts at ${latest.age}; ages count from the rollover and must ascend`;
      return [{ path: [name, 'min_age'], message }];
    }
    latest = { name, age };
    return [];
  });
}

/** @see https://www.elastic.co/docs/reference/elasticsearch/index-lifecycle-actions/ */
export const lifecyclePolicy = z.strictObject({
  policy: z.strictObject({
    _meta: z.record(z.string(), z.unknown()).optional(),
    phases: z
      .strictObject({
        hot: phase(actions.hot),
        warm: phase(actions.warm),
        cold: phase(actions.cold),
        frozen: phase(actions.frozen),
        delete: phase(actions.delete),
      })
      .superRefine((phases, context) => {
        for (const fault of orderFaults(phases)) context.addIssue({ code: 'custom', ...fault });
      }),
  }),
});

/** Six or seven fields: second, minute, hour, day of month, month, day of week, year. */
const cron = z
  .string()
  .regex(
    /^[\d*,/-]+ [\d*,/-]+ [\d*,/-]+ [\d*,/?LW-]+ [\dA-Z*,/-]+ [\dA-Z*,/?L#-]+( [\d*,/-]+)?$/,
    'must be a cron schedule of Elasticsearch with six or seven fields, such as "0 30 1 * * ?"',
  );

/** @see https://www.elastic.co/docs/deploy-manage/tools/snapshot-and-restore/create-snapshots#automate-snapshots-slm */
export const snapshotLifecyclePolicy = z.strictObject({
  schedule: cron,
  name: z.string().regex(/^<?[a-z0-9][a-z0-9._{}+/:<>|-]*>?$/, 'must be a snapshot name in lower case'),
  repository: z.string().min(1),
  config: z
    .strictObject({
      indices: z.array(z.string().min(1)).min(1).optional(),
      ignore_unavailable: z.boolean().optional(),
      include_global_state: z.boolean().optional(),
      partial: z.boolean().optional(),
      feature_states: z.array(z.string()).optional(),
      metadata: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  retention: z
    .strictObject({
      expire_after: duration.optional(),
      min_count: count.optional(),
      max_count: count.optional(),
    })
    .refine(
      ({ min_count: least, max_count: most }) => least === undefined || most === undefined || least <= most,
      'has a min_count above its max_count',
    )
    .optional(),
});
