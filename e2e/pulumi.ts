import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { removeTornAttributes } from '../local/pulumi/recovery';

/** One resource of a preview or an update, as `pulumi … --json` reports it. */
export interface Step {
  op: string;
  urn: string;
  detailedDiff?: Record<string, { kind: string }>;
  newState?: { type: string; inputs?: Record<string, unknown> };
}

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  /** Default: the folder of the program. */
  cwd?: string;
  /** What the command takes of the stack; default both. */
  takes?: 'name' | 'nothing';
  /** Added to the environment. */
  env?: Record<string, string>;
}

/** A stack of the real program, driven by the real CLI with its own state folder and configuration file. */
export class TestStack {
  private readonly configFile: string;
  private encryptionsalt?: string;
  private readonly printed: string[] = [];

  /** Everything that the commands have printed. */
  get transcript(): string {
    return this.printed.join('\n');
  }

  /** @param folder Holds the state and the configuration; made when missing. */
  constructor(
    readonly name: string,
    private readonly folder: string,
    private config: Record<string, unknown>,
    /** Folder of the program; default the project itself. */
    private readonly program = process.cwd(),
  ) {
    mkdirSync(join(folder, 'state'), { recursive: true });
    this.configFile = join(folder, `Pulumi.${name}.yaml`);
    this.writeConfig(config);
  }

  /** Replaces configuration keys (without the project prefix); undefined removes a key. */
  configure(change: Record<string, unknown>): void {
    this.config = { ...this.config, ...change };
    this.writeConfig(this.config);
  }

  private writeConfig(config: Record<string, unknown>): void {
    const entries = Object.entries(config).filter(([, value]) => value !== undefined);
    const values = Object.fromEntries(entries.map(([key, value]) => [`agent-data-platform:${key}`, value]));
    writeFileSync(this.configFile, stringify({ encryptionsalt: this.encryptionsalt, config: values }));
  }

  private spawn(args: string[], options: RunOptions) {
    const name = options.takes === 'nothing' ? [] : ['--stack', this.name];
    const stackArgs = options.takes ? name : [...name, '--config-file', this.configFile];
    return spawn('pulumi', [...args, ...stackArgs, '--non-interactive', '--color', 'never'], {
      cwd: options.cwd ?? this.program,
      detached: true,
      env: {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${join(this.folder, 'state')}`,
        PULUMI_CONFIG_PASSPHRASE: 'only-for-this-test',
        PULUMI_CONFIG_PASSPHRASE_FILE: '',
        PULUMI_SKIP_UPDATE_CHECK: 'true',
        // Another program runs as Pulumi runs it, without what this project adds.
        ...(this.program === process.cwd() ? {} : { NODE_OPTIONS: '', PULUMI_PARALLEL_DIFF: '' }),
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Runs `pulumi` with arguments for this stack and resolves whatever its exit code is. */
  run(args: string[], options: RunOptions = {}): Promise<CommandResult> {
    const child = this.spawn(args, options);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        this.printed.push(stdout, stderr);
        resolve({ code: code ?? -1, stdout, stderr });
      });
    });
  }

  /** Starts a command that can be killed with everything it started, as a lost machine would. */
  start(args: string[]): { kill: () => void; exited: Promise<void> } {
    const child = this.spawn(args, {});
    child.stdout.resume();
    child.stderr.resume();
    return {
      kill: () => void (child.pid && process.kill(-child.pid, 'SIGKILL')),
      exited: new Promise((resolve) => child.on('exit', () => resolve())),
    };
  }

  /** Removes what a killed command left in the backend, as `npm run up` does. */
  async cancel(): Promise<void> {
    removeTornAttributes(join(this.folder, 'state'));
    await this.must(['cancel', '--yes', this.name], { takes: 'nothing' });
  }

  private async must(args: string[], options?: RunOptions): Promise<CommandResult> {
    const result = await this.run(args, options);
    if (result.code !== 0) {
      throw new Error(
        `pulumi ${args.join(' ')} ended with ${result.code}:\n${errorsOf(result.stdout)}\n${result.stdout.slice(-4000)}\n${result.stderr.slice(-4000)}`,
      );
    }
    return result;
  }

  /** Creates the stack; `stack init` writes its salt beside a Pulumi.yaml, so it runs beside a copy, not in the work tree. */
  async init(): Promise<void> {
    const cwd = join(this.folder, 'init');
    mkdirSync(cwd, { recursive: true });
    cpSync(join(this.program, 'Pulumi.yaml'), join(cwd, 'Pulumi.yaml'));
    await this.must(['stack', 'init', this.name, '--secrets-provider', 'passphrase'], {
      cwd,
      takes: 'nothing',
    });
    const written = parse(readFileSync(join(cwd, `Pulumi.${this.name}.yaml`), 'utf8')) as {
      encryptionsalt: string;
    };
    this.encryptionsalt = written.encryptionsalt;
    this.writeConfig(this.config);
  }

  /** `pulumi preview`: the steps that would run, without the unchanged ones. */
  async preview(): Promise<{ steps: Step[]; summary: Record<string, number>; text: string }> {
    const { stdout, stderr } = await this.must(['preview', '--json']);
    const answer = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
      steps?: Step[];
      changeSummary: Record<string, number>;
      diagnostics?: { message?: string }[];
    };
    const text = [...(answer.diagnostics ?? []).map((d) => d.message ?? ''), stderr].join('\n');
    return {
      steps: (answer.steps ?? []).filter((step) => step.op !== 'same'),
      summary: answer.changeSummary,
      text,
    };
  }

  /** `pulumi up` without asking; resolves with what it printed. */
  async up(...args: string[]): Promise<string> {
    return (await this.must(['up', '--yes', '--skip-preview', ...args])).stdout;
  }

  async refresh(...args: string[]): Promise<string> {
    return (await this.must(['refresh', '--yes', '--skip-preview', ...args])).stdout;
  }

  async destroy(): Promise<string> {
    return (await this.must(['destroy', '--yes', '--skip-preview'])).stdout;
  }

  /** Stack outputs; secrets stay masked. */
  async outputs<T>(): Promise<T> {
    return JSON.parse((await this.must(['stack', 'output', '--json'], { takes: 'name' })).stdout) as T;
  }

  /** The whole state, secrets encrypted, as text. */
  async exportState(): Promise<string> {
    return (await this.must(['stack', 'export'], { takes: 'name' })).stdout;
  }
}

/** What resources say went wrong, which the statements of others would push out of sight. */
function errorsOf(stdout: string): string {
  return stdout
    .split('\n')
    .filter((line) => /\berror\b/i.test(line))
    .map((line) => line.slice(0, 2000))
    .join('\n');
}
