import { spawn } from 'node:child_process';
import * as path from 'node:path';
import { CommandError } from '../process';

/** Standard output of a tool whose exit code only says whether it found something. */
export function answerOf(command: string, args: readonly string[], cwd?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (chunk: string) => (output[name] += chunk));
    const failed = (code: number | null, why: string) =>
      reject(new CommandError(path.basename(command), code, output.stderr.slice(-4000), why));
    child.on('error', (error) => failed(null, `could not be started: ${error.message}`));
    child.on('close', (code) =>
      output.stdout.trim() ? resolve(output.stdout) : failed(code, `ended with ${code} and said nothing`),
    );
  });
}
