import type { ChangeFolder } from '../engine/change-files';
import { migrateDown, migrateUp } from '../engine/runner';
import type { MigrationTarget } from '../engine/target';

/**
 * Applies each change on top of those before it, reverts it, and applies it again: reverting brings back exactly what was
 * there before, applying again what was there after. Leaves all of them applied.
 * @param contents What is compared; default the target's definitions.
 */
export async function roundTrips(
  target: MigrationTarget,
  { changes }: ChangeFolder,
  contents: () => Promise<unknown> = () => target.schema(),
): Promise<void> {
  for (const [index, { version }] of changes.entries()) {
    const folder = { changes: changes.slice(0, index + 1), problems: [] };
    const options = { target, folder, folderName: 'folder', appliedBy: 'tester' };
    const before = await contents();
    expect((await migrateUp(options)).failed).toBeUndefined();
    const after = await contents();
    expect(after).not.toEqual(before);
    await migrateDown({ ...options, to: changes[index - 1]?.version });
    expect(await contents()).toEqual(before);
    expect((await migrateUp(options)).applied).toEqual([expect.objectContaining({ version })]);
    expect(await contents()).toEqual(after);
  }
}
