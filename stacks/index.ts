import * as pulumi from '@pulumi/pulumi';
import { argumentProblems } from './arguments';
import { checkCluster } from './cluster';
import { ConfigError, loadConfig } from './config';
import type { PlatformOutputs } from './outputs';
import { deployPlatform } from './platform';

/** Entry point of `pulumi up` and `pulumi preview`: configuration in, contract out. */
function main(): PlatformOutputs {
  const config = readConfig();
  checkCluster(config);
  return deployPlatform(config);
}

function readConfig() {
  try {
    const config = loadConfig(pulumi.runtime.allConfig());
    const problems = argumentProblems(config);
    if (problems.length > 0) throw new ConfigError(problems);
    return config;
  } catch (error) {
    // A RunError is printed as it is, without a stack trace.
    throw error instanceof ConfigError ? new pulumi.RunError(error.message) : error;
  }
}

export = main;
