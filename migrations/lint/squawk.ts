/** Lint of PostgreSQL change files by squawk, an SQL linter of its own; see .squawk.toml for what it is asked. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Change } from '../engine/target';
import { projectRoot } from '../project-root';
import type { Finding } from './finding';

/** A change whose file squawk reads. */
export interface SqlFile {
  /** Folder of the file, relative to the project or absolute; shown to people. */
  readonly folder: string;
  readonly change: Change;
}

/** A violation as squawk's JSON reporter prints it; `line` counts from 0. */
interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly help: string | null;
  readonly rule_name: string;
}

/**
 * Lints the `up` sections of all files with one process.
 * @throws Error when squawk is not installed or does not understand its configuration.
 * @see https://squawkhq.com/docs/rules
 */
export async function squawk(files: readonly SqlFile[]): Promise<Finding[]> {
  if (files.length === 0) return [];
  const folder = mkdtempSync(join(tmpdir(), 'squawk-'));
  try {
    const names = files.map((file, index) => {
      const name = `${index}.sql`;
      const path = resolve(projectRoot(), file.folder, file.change.file);
      writeFileSync(join(folder, name), upSection(readFileSync(path, 'utf8'), file.change));
      return name;
    });
    const violations = await violationsOf(folder, names);
    return violations.map((violation) => finding(files[Number.parseInt(violation.file, 10)]!, violation));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The file up to its `down` section, so that lines keep their numbers. */
function upSection(text: string, { up, down, transaction }: Change): string {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n?|\n/);
  let end = down[0]!.line - 1;
  while (end > up[0]!.line && !/^\s*-- *migrate:down\b/.test(lines[end - 1]!)) end--;
  const kept = lines.slice(0, end - 1);
  return [...kept, ...(transaction ? [] : ['-- squawk-disable-assume-in-transaction']), ''].join('\n');
}

async function violationsOf(cwd: string, names: readonly string[]): Promise<Violation[]> {
  const config = join(projectRoot(), '.squawk.toml');
  const { code, stdout, stderr } = await run(
    binary(),
    ['--config', config, '--reporter', 'json', ...names],
    cwd,
  );
  // 1 says that there are violations; any other code, that squawk could not work.
  if (code !== 0 && code !== 1) throw new Error(`squawk failed (exit code ${code}): ${stderr.trim()}`);
  try {
    return JSON.parse(stdout) as Violation[];
  } catch {
    throw new Error(`squawk printed no report: ${(stderr || stdout).trim()}`);
  }
}

function finding({ folder, change }: SqlFile, { line, message, help, rule_name }: Violation): Finding {
  return {
    file: `${folder}/${change.file}`,
    line: line + 1,
    rule: rule_name,
    severity: 'warning',
    message: sentence(message),
    fix: help ? sentence(help) : '',
  };
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** The program itself, without the Node process that the package wraps around it. */
function binary(): string {
  const platform = `@squawk-cli/${process.platform}-${process.arch}`;
  const name = process.platform === 'win32' ? 'squawk.exe' : 'squawk';
  try {
    return createRequire(require.resolve('squawk-cli/package.json')).resolve(`${platform}/bin/${name}`);
  } catch {
    throw new Error(`The SQL linter ${platform} is not installed. Run \`npm ci\` with optional packages.`);
  }
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
