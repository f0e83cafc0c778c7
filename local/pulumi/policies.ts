import * as fs from 'node:fs';
import * as path from 'node:path';
import { projectRoot } from '../paths';

/** Beside a CLI that was built from source, which cannot start the pack in the usual way; see pulumi-cli.ts. */
const SOURCE_BUILD_LAUNCHER = 'pulumi-analyzer-policy-nodejs-process';

/** What {@link policyArgs} depends on. */
export interface PolicyRun {
  readonly stack: string;
  /** Command of the CLI. */
  readonly pulumi: string;
  /** What the person passes to Pulumi. */
  readonly extra: readonly string[];
}

/**
 * Options that have Pulumi check the policy pack, at the levels of `policies/<stack>.json`; of a stack without such a file
 * at those of prod. None when the person names a pack.
 * @see https://www.pulumi.com/docs/iac/cli/commands/pulumi_preview/
 */
export function policyArgs({ stack, pulumi, extra }: PolicyRun, root = projectRoot()): string[] {
  if (extra.some((argument) => /^--policy-pack(=|$)/.test(argument))) return [];
  const beside = path.join(path.dirname(fs.realpathSync(pulumi)), SOURCE_BUILD_LAUNCHER);
  const own = path.join('policies', `${stack}.json`);
  const levels = fs.existsSync(path.join(root, own)) ? own : path.join('policies', 'prod.json');
  const pack = fs.existsSync(beside) ? path.join('policies', 'source-build') : 'policies';
  return ['--policy-pack', pack, '--policy-pack-config', levels];
}
