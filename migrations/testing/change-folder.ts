import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary folder of change files. */
export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'changes-'));

  constructor(files: Record<string, string> = {}) {
    this.write(files);
  }

  write(files: Record<string, string>): this {
    mkdirSync(this.path, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.path, name), text);
    return this;
  }

  delete(name: string): this {
    rmSync(join(this.path, name));
    return this;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Text of an SQL change file. */
export function sqlChange(up: string, down = 'SELECT 1;', options = ''): string {
  return `-- migrate:up ${options}\n${up}\n-- migrate:down\n${down}\n`;
}

/** Text of a JSON change file. */
export function jsonChange(up: readonly object[], down: readonly object[], description = 'A change'): string {
  return JSON.stringify({ description, up, down }, null, 2);
}
