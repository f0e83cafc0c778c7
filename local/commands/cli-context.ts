import { UserError } from '../user-error';

/** Exit codes of the command line. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** Something on this machine or in the configuration has to be changed first. */
  precondition: 3,
  interrupted: 130,
} as const;

/** The command was called in a way that cannot be right; exit code 2. */
export class UsageError extends UserError {}

/** What every command gets besides its own arguments. */
export interface CliContext {
  /** Arguments after `--`, for the program that the command runs. */
  readonly extra: readonly string[];
  /** Sets the exit code of the process. */
  readonly finish: (exitCode: number) => void;
}
