import * as pulumi from '@pulumi/pulumi';
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
    return loadConfig(pulumi.runtime.allConfig());
  } catch (error) {
    // A RunError is printed as it is, without a stack trace.
    throw error instanceof ConfigError ? new pulumi.RunError(error.message) : error;
  }
}

export = main;
