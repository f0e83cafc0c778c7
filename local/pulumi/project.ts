import * as fs from 'node:fs';
import * as path from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../paths';
import { UserError } from '../user-error';

/** Prefix of the project's keys in `Pulumi.<stack>.yaml`, and the project's name. */
export const PROJECT = 'agent-data-platform';

/** What the launcher itself reads of a stack's configuration. */
export interface StackSettings {
  readonly stack: string;
  /** Committed file, absolute. */
  readonly file: string;
  /** Explicit Kubernetes context; undefined means a local cluster. */
  readonly kubeContext?: string;
  /** `offline` renders previews without a cluster; default `online`. */
  readonly preview: 'online' | 'offline';
  /** Whether the stack installs the operators itself, which needs their manifests. */
  readonly managedOperators: boolean;
}

/**
 * Reads the settings of a stack that decide how it is started.
 * @throws UserError when the stack has no file, or the file cannot be read as YAML.
 */
export function loadStackSettings(stack: string, root = projectRoot()): StackSettings {
  const file = path.join(root, `Pulumi.${stack}.yaml`);
  const config = parseConfig(file, stack, root);
  const kubeContext = config[`${PROJECT}:kubeContext`];
  const preview = config[`${PROJECT}:preview`] ?? 'online';
  if (kubeContext !== undefined && (typeof kubeContext !== 'string' || kubeContext === '')) {
    throw new UserError(
      `${path.basename(file)} sets ${PROJECT}:kubeContext to ${JSON.stringify(kubeContext)}.`,
      'Set it to the name of a context that `kubectl config get-contexts` lists, or remove it.',
    );
  }
  if (preview !== 'online' && preview !== 'offline') {
    throw new UserError(
      `${path.basename(file)} sets ${PROJECT}:preview to ${JSON.stringify(preview)}.`,
      'Set it to online or offline.',
    );
  }
  const managedOperators = config[`${PROJECT}:operators`] !== 'existing';
  return { stack, file, preview, managedOperators, ...(kubeContext === undefined ? {} : { kubeContext }) };
}

function parseConfig(file: string, stack: string, root: string): Record<string, unknown> {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch {
    const known = fs.readdirSync(root).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
    throw new UserError(
      `Stack "${stack}" has no ${path.basename(file)}.`,
      `Create that file, or name one of the stacks there are: ${known.sort().join(', ')}.`,
    );
  }
  try {
    const document: unknown = parse(text);
    const config = (document as { config?: unknown } | null)?.config;
    return typeof config === 'object' && config !== null ? (config as Record<string, unknown>) : {};
  } catch (error) {
    throw new UserError(
      `${path.basename(file)} is not valid YAML: ${(error as Error).message.split('\n')[0]}`,
      'Correct the line that the message names.',
    );
  }
}
