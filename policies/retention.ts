import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isCustom, objectName, Resource, ResourceRule } from './rule';
import { isPostgres } from './stores';

/** Shortest retention in days that a change may set. */
export const minimumDays = {
  /** Backups of PostgreSQL with the write-ahead log between them, and snapshots of Elasticsearch. */
  backup: 30,
  /** Events in Elasticsearch before their index is deleted. */
  index: 30,
  /** Objects in a bucket before they expire. */
  object: 14,
  /** Overwritten and deleted versions of objects. */
  noncurrentVersion: 3,
} as const;

type Subject = keyof typeof minimumDays;

/** What was promised to be kept is not thrown away earlier by one changed number. */
export const retentionMinimum: ResourceRule = {
  name: 'retention-minimum',
  description: `Nothing is kept for less than a minimum: backups ${minimumDays.backup} days, indices ${minimumDays.index}, objects ${minimumDays.object}, their old versions ${minimumDays.noncurrentVersion}.`,
  url: 'https://cloudnative-pg.io/plugin-barman-cloud/docs/retention/',
  severity: 'high',
  check: (resource) => {
    if (isPostgres(resource)) return shortBackups(resource, backupPolicy(resource));
    if (isCustom(resource, 'barmancloud.cnpg.io', 'ObjectStore'))
      return shortBackups(resource, (resource.props.spec as { retentionPolicy?: string }).retentionPolicy);
    return resource.type === 'pulumi-nodejs:dynamic/migrations:StoreMigrations' ? inChanges(resource) : [];
  },
};

function backupPolicy({ props }: Resource): string | undefined {
  return (props.spec as { backup?: { retentionPolicy?: string } } | undefined)?.backup?.retentionPolicy;
}

const unitDays: Readonly<Record<string, number>> = { d: 1, w: 7, m: 30 };

/** Without a policy nothing is deleted. @see https://cloudnative-pg.io/documentation/current/backup/ */
function shortBackups(resource: Resource, policy: string | undefined): string[] {
  if (policy === undefined) return [];
  const [, amount, unit] = /^([1-9]\d*)([dwm])$/.exec(policy) ?? [];
  const days = amount === undefined ? 0 : Number(amount) * unitDays[unit!]!;
  return tooShort('backup', days, `${objectName(resource)} keeps backups for ${policy}`);
}

/** The lifecycles that the change files of a resource end up with; the pack runs in the same checkout as the program. */
function inChanges({ props }: Resource): string[] {
  const {
    store,
    folder,
    files,
    parameters = {},
  } = props as {
    store: string;
    folder: string;
    files: readonly { file: string }[];
    parameters?: Readonly<Record<string, string>>;
  };
  if (store !== 'elasticsearch' && store !== 'minio') return [];
  const read = files.map(({ file }) => changeFile(join(projectRoot(), folder, file), file));
  const changes = read.filter((change) => change.up !== undefined);
  return [
    ...read
      .filter(({ up }) => up === undefined)
      .map(({ file }) => `${folder}/${file} cannot be read; correct it.`),
    ...lifecycleFaults(changes as ChangeFile[], parameters),
  ];
}

/** Without operations when it cannot be read; the reason could quote a file that a link leads to. */
function changeFile(path: string, file: string): Partial<ChangeFile> & Pick<ChangeFile, 'file'> {
  try {
    const { up, parameters } = JSON.parse(readFileSync(path, 'utf8')) as Partial<ChangeFile>;
    return { file, ...(Array.isArray(up) ? { up } : {}), ...(parameters ? { parameters } : {}) };
  } catch {
    return { file };
  }
}

/** A JSON change file, see docs/migration-format.md. */
export interface ChangeFile {
  readonly file: string;
  /** Defaults of what its operations leave open as `${name}`. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly up: readonly Operation[];
}

/** The part of an operation that decides how long something is kept. */
interface Operation {
  readonly operation: string;
  readonly name?: string;
  readonly bucket?: string;
  readonly body?: {
    readonly policy?: { readonly phases?: Readonly<Record<string, { readonly min_age?: string }>> };
    readonly retention?: { readonly expire_after?: string };
  };
  readonly rules?: readonly {
    readonly ID?: string;
    readonly Status?: string;
    readonly Expiration?: { readonly Days?: number };
    readonly NoncurrentVersionExpiration?: { readonly NoncurrentDays?: number };
  }[];
}

/** An operation with the file it stands in, and the values of that file's parameters. */
interface Placed extends Operation {
  readonly file: string;
  readonly values: Readonly<Record<string, string>>;
}

/** What is kept too shortly once all operations are done: of several for one object, the last counts. */
export function lifecycleFaults(
  changes: readonly ChangeFile[],
  given: Readonly<Record<string, string>>,
): string[] {
  const last = new Map<string, Placed>();
  for (const { file, parameters, up } of changes) {
    const values = { ...parameters, ...given };
    for (const operation of up) {
      const kind = /^(?:put|delete)((?:Snapshot)?LifecyclePolicy|Lifecycle)$/.exec(operation.operation)?.[1];
      if (kind) last.set(`${kind} ${operation.name ?? operation.bucket}`, { ...operation, file, values });
    }
  }
  return [...last.values()].flatMap((operation) => [
    ...indexFaults(operation),
    ...snapshotFaults(operation),
    ...objectFaults(operation),
  ]);
}

/** @see https://www.elastic.co/docs/reference/elasticsearch/index-lifecycle-actions/ilm-delete */
function indexFaults({ file, name, body, values }: Placed): string[] {
  const phase = body?.policy?.phases?.delete;
  if (phase === undefined) return [];
  const age = filledIn(phase.min_age ?? '0ms', values);
  return tooShort('index', daysOf(age), `${file}: policy ${name} keeps indices for ${age}`);
}

/** @see https://www.elastic.co/docs/deploy-manage/tools/snapshot-and-restore/create-snapshots#slm-retention-task */
function snapshotFaults({ file, name, body, values }: Placed): string[] {
  if (body?.retention?.expire_after === undefined) return [];
  const age = filledIn(body.retention.expire_after, values);
  return tooShort('backup', daysOf(age), `${file}: policy ${name} keeps snapshots for ${age}`);
}

function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  const name = /^\$\{(.+)\}$/.exec(text)?.[1];
  return name === undefined ? text : (values[name] ?? text);
}

function daysOf(age: string): number {
  const [, amount = '0', unit] = /^(\d+)(d|h)$/.exec(age) ?? [];
  return Number(amount) / (unit === 'h' ? 24 : 1);
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html */
function objectFaults({ file, bucket, rules = [] }: Placed): string[] {
  return rules
    .filter(({ Status }) => Status !== 'Disabled')
    .flatMap(({ ID, Expiration, NoncurrentVersionExpiration: old }) => {
      const where = `${file}: rule ${ID} of bucket ${bucket} keeps`;
      const [days, oldDays] = [Expiration?.Days, old?.NoncurrentDays];
      return [
        ...(days === undefined ? [] : tooShort('object', days, `${where} objects for ${days}d`)),
        ...(oldDays === undefined
          ? []
          : tooShort('noncurrentVersion', oldDays, `${where} old versions for ${oldDays}d`)),
      ];
    });
}

function tooShort(subject: Subject, days: number, what: string): string[] {
  return days >= minimumDays[subject] ? [] : [`${what}; the minimum is ${minimumDays[subject]}d.`];
}

/** The folder of Pulumi.yaml above this file, compiled or not. */
function projectRoot(): string {
  let folder = __dirname;
  while (!isProject(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function isProject(folder: string): boolean {
  try {
    return readFileSync(join(folder, 'Pulumi.yaml'), 'utf8').length > 0;
  } catch {
    return false;
  }
}
