import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { goBinary } from '../../local/go-build';
import { run } from '../../local/process';
import { goBuilds } from '../../local/versions';

test(
  'actionlint has nothing to say about the workflows',
  async () => {
    const folder = '.github/workflows';
    const files = readdirSync(folder).filter((file) => file.endsWith('.yml'));
    expect(files.length).toBeGreaterThanOrEqual(2);
    const binary = join(await goBinary(goBuilds.actionlint), 'actionlint');
    const { stdout } = await run(binary, ['-no-color', ...files.map((file) => join(folder, file))]);
    expect(stdout).toBe('');
  },
  5 * 60_000,
);
