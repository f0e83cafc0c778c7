/* eslint-disable @typescript-eslint/no-require-imports -- loaded late, so that the compile cache covers it */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { serve } = require('../server') as typeof import('../server');
const { sdkVersion } = require('../sdk-version') as typeof import('../sdk-version');

void serve({
  version: sdkVersion('@pulumi/kubernetes'),
  load: (host) => {
    const { KubernetesProvider } = require('./provider') as typeof import('./provider');
    return new KubernetesProvider(host);
  },
});
