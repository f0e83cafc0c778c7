import { changeFileDigests, readChangeFiles } from '../engine/change-files';
import { StoreAccessError } from '../engine/errors';
import { plan } from '../engine/plan';
import { migrateUp, type RunResult } from '../engine/runner';
import type { MigrationTarget } from '../engine/target';
import { changeFormat, openTarget } from '../stores';
import { TemporaryFolder } from '../testing/change-folder';
import { killHard, startChildRunner } from '../testing/child-runner';
import { eventually } from '../testing/servers';
import type { CorrectnessServer, FreshPlace, StoreAdapter } from './store-adapter';

const RUNNERS = 6;
const RECOVERY_MS = 5_000;
const FIVE_MEGABYTES = 5_000_000;

/** The promises of docs/migration-format.md, kept by a real store. */
export function correctnessSuite(adapter: StoreAdapter): void {
  const { store, noReadOnlyUsers } = adapter;
  const missing = noReadOnlyUsers ? `, without the case of a read-only user: ${noReadOnlyUsers}` : '';
  describe(store + missing, () => cases(adapter));
}

// eslint-disable-next-line max-lines-per-function -- a list of tests, as in a *.test.ts file
function cases(adapter: StoreAdapter): void {
  const format = changeFormat(adapter.store);
  let server: CorrectnessServer;
  let place: FreshPlace;
  let folder: TemporaryFolder;

  beforeAll(async () => {
    server = await adapter.start();
  }, 300_000);
  afterAll(() => server?.stop(), 60_000);
  beforeEach(async () => {
    place = await server.fresh();
    folder = new TemporaryFolder({ [file(1)]: place.change(1), [file(2)]: place.change(2) });
  }, 60_000);
  afterEach(() => folder?.remove());

  const file = (n: number, slug = 'change') => `${version(n)}-${slug}.${format.extension}`;
  const version = (n: number) => String(n).padStart(6, '0');
  async function withTarget<T>(
    run: (target: MigrationTarget) => Promise<T>,
    credentials = place.credentials,
  ): Promise<T> {
    const { host, port, database } = place;
    const credential = (key: string) => credentials[key]!;
    const target = await openTarget(adapter.store, { host, port, database, credential, holder: 'tester' });
    try {
      return await run(target);
    } finally {
      await target.close().catch(() => undefined);
    }
  }
  const up = (credentials = place.credentials): Promise<RunResult> =>
    withTarget(
      (target) =>
        migrateUp({
          target,
          folder: readChangeFiles(folder.path, format),
          folderName: 'folder',
          appliedBy: 'tester',
        }),
      credentials,
    );
  const versions = (result: RunResult) => result.history.map((entry) => entry.version);

  test(`${RUNNERS} runners at once on an empty store apply every change exactly once`, async () => {
    const results = await Promise.all(Array.from({ length: RUNNERS }, () => up()));
    const applied = results.flatMap((result) => result.applied.map((entry) => entry.version));
    expect(applied.sort()).toEqual([version(1), version(2)]);
    for (const result of results) expect(versions(result)).toEqual([version(1), version(2)]);
    expect(await place.objects()).toEqual([1, 2]);
  }, 120_000);

  test('a runner killed in the middle of a change leaves no lock, and the next one ends its work within 5 s', async () => {
    folder.write({ [file(3)]: place.slow(3) });
    const child = startChildRunner(adapter.store, folder.path, place, place.credentials);
    await eventually('the runner is inside its slow change', 60_000, () => place.insideSlow());
    await killHard(child);
    const killed = performance.now();
    folder.write({ [file(3)]: place.quick(3) });
    const result = await up();
    expect(performance.now() - killed).toBeLessThan(RECOVERY_MS);
    expect(result.failed).toBeUndefined();
    expect(result.applied.map((entry) => entry.version)).toEqual([version(3)]);
    expect(await place.objects()).toEqual([1, 2, 3]);
  }, 120_000);

  test('a failing change stops the run, keeps what came before, and the next run continues there', async () => {
    folder.write({ [file(3)]: place.failing(), [file(4)]: place.change(4) });
    const result = await up();
    expect(result.failed!.change.version).toBe(version(3));
    expect(result.failed!.error.message).toContain(`${file(3)}: statement 2 failed at line `);
    expect(versions(result)).toEqual([version(1), version(2)]);
    expect(await place.objects()).toEqual([1, 2]);
    folder.write({ [file(3)]: place.change(3) });
    expect(versions(await up())).toEqual([1, 2, 3, 4].map(version));
    expect(await place.objects()).toEqual([1, 2, 3, 4]);
  }, 60_000);

  test.each<[string, () => void, () => string]>([
    [
      'an edited applied file',
      () => folder.write({ [file(1)]: place.change(7) }),
      () => `${file(1)} was edited after it was applied. Restore its text from version control`,
    ],
    [
      'an applied file that is missing',
      () => folder.delete(file(2)).write({ [file(3)]: place.change(3) }),
      () => `${version(2)}-change is in the history, but its file is missing. Restore the file`,
    ],
    [
      'two files of one number',
      () => folder.write({ [file(3, 'one')]: place.change(3), [file(3, 'two')]: place.change(4) }),
      () => `${file(3, 'two')} has the same number as ${file(3, 'one')}. Give the one that is not merged yet`,
    ],
  ])(
    '%s is refused by name with the fix, and nothing changes',
    async (_what, spoil, message) => {
      await up();
      const before = await place.dump();
      spoil();
      await expect(up()).rejects.toThrow(message());
      expect(await place.dump()).toEqual(before);
    },
    60_000,
  );

  test('a file below the newest applied number is refused as late, and nothing changes', async () => {
    folder.delete(file(2)).write({ [file(3)]: place.change(3) });
    await up();
    const before = await place.dump();
    folder.write({ [file(2)]: place.change(2) });
    await expect(up()).rejects.toThrow(`${file(2)} comes late: ${version(3)} is applied already.`);
    expect(await place.dump()).toEqual(before);
  }, 60_000);

  test('CRLF and a byte order mark make no difference', async () => {
    const windows = (text: string) => `\ufeff${text.replaceAll('\n', '\r\n')}`;
    folder.write({ [file(1)]: windows(place.change(1)) });
    const { history } = await up();
    folder.write({ [file(1)]: place.change(1), [file(2)]: windows(place.change(2)) });
    expect(await up()).toEqual({ history, applied: [] });
    expect(await place.objects()).toEqual([1, 2]);
  }, 60_000);

  test('a file of 5 MB is applied, recorded with its checksum, and done the second time', async () => {
    folder.write({ [file(3)]: place.big(3, FIVE_MEGABYTES) });
    const result = await up();
    expect(result.failed).toBeUndefined();
    expect(result.history[2]!.checksum).toBe(changeFileDigests(folder.path)[2]!.sha256);
    expect(await place.objects()).toEqual([1, 2, 3]);
    expect((await up()).applied).toEqual([]);
  }, 120_000);

  test('a server that restarts while a change runs leaves no run waiting, and the next run completes it', async () => {
    folder.write({ [file(3)]: place.slow(3) });
    // The run fails, unless the store's client waits for the server and asks again.
    const ended = up().catch((error: Error) => error);
    await eventually('the runner is inside its slow change', 60_000, () => place.insideSlow());
    await server.restart();
    await ended;
    folder.write({ [file(3)]: place.quick(3) });
    expect(versions(await up())).toEqual([1, 2, 3].map(version));
    expect(await place.objects()).toEqual([1, 2, 3]);
  }, 180_000);

  if (!adapter.noReadOnlyUsers) {
    test('a user who may only read gets a sentence with the fix, and changes nothing', async () => {
      await up();
      folder.write({ [file(3)]: place.change(3) });
      const before = await place.dump();
      const refusal = await up(place.readOnly).then(
        (result) => result.failed?.error,
        (error: Error) => error,
      );
      expect(refusal).toBeInstanceOf(StoreAccessError);
      expect(refusal!.message).toMatch(/Connect with (the )?credentials /);
      expect(await place.dump()).toEqual(before);
    }, 60_000);
  }

  test('looking at what is pending writes nothing, neither before the first change nor after', async () => {
    const look = () =>
      withTarget(async (target) => {
        await target.snapshot();
        await target.schema();
        return plan(readChangeFiles(folder.path, format), await target.applied()).pending.length;
      });
    const empty = await place.dump();
    expect(await look()).toBe(2);
    expect(await place.dump()).toEqual(empty);
    await up();
    folder.write({ [file(3)]: place.change(3) });
    const before = await place.dump();
    expect(await look()).toBe(1);
    expect(await place.dump()).toEqual(before);
  }, 60_000);
}
