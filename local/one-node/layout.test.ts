import { UserError } from '../user-error';
import { clusterLayout } from './layout';

test('a cluster keeps its data below the state folder and its sockets in /run', () => {
  const layout = clusterLayout('dev', '/state');
  expect(layout).toMatchObject({
    root: '/state/clusters/dev',
    kubeconfig: '/state/clusters/dev/kubeconfig',
    nodeName: 'agent-data-platform-dev',
  });
  expect(layout.containerdSocket).toMatch(/^\/run\/agent-data-platform\/dev-[0-9a-f]{8}\/containerd\.sock$/);
});

test('clusters of the same name in two state folders do not share their sockets', () => {
  expect(clusterLayout('dev', '/a').run).not.toBe(clusterLayout('dev', '/b').run);
});

test.each(['', '../up', 'Dev', '-dev', 'dev-', 'a'.repeat(31), 'a/b'])('"%s" is not a name', (name) => {
  expect(() => clusterLayout(name, '/state')).toThrow(UserError);
});

test('a state folder that is too deep for the sockets is an error with the fix', () => {
  expect(() => clusterLayout('dev', `/${'x'.repeat(60)}`)).toThrow(
    /Set AGENT_DATA_PLATFORM_STATE to a shorter path\.$/,
  );
});
