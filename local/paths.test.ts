import * as fs from 'node:fs';
import * as path from 'node:path';
import { cacheRoot, projectRoot, stateRoot } from './paths';

describe('folders', () => {
  test.each([
    [
      { HOME: '/home/ada' },
      '/home/ada/.cache/agent-data-platform',
      '/home/ada/.local/state/agent-data-platform',
    ],
    [
      { HOME: '/h', XDG_CACHE_HOME: '/c', XDG_STATE_HOME: '/s' },
      '/c/agent-data-platform',
      '/s/agent-data-platform',
    ],
    [
      { HOME: '/h', XDG_CACHE_HOME: 'relative', XDG_STATE_HOME: 'relative' },
      '/h/.cache/agent-data-platform',
      '/h/.local/state/agent-data-platform',
    ],
    [
      {
        HOME: '/h',
        XDG_CACHE_HOME: '/c',
        AGENT_DATA_PLATFORM_CACHE: '/own',
        AGENT_DATA_PLATFORM_STATE: '/state',
      },
      '/own',
      '/state',
    ],
  ])('%j', (env, cache, state) => {
    expect(cacheRoot(env)).toBe(cache);
    expect(stateRoot(env)).toBe(state);
  });

  test('the project root is where package.json is', () => {
    expect(fs.existsSync(path.join(projectRoot(), 'package.json'))).toBe(true);
    expect(path.basename(projectRoot())).not.toBe('dist');
  });
});
