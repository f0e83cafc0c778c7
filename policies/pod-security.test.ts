import { resource, statefulSet } from './fixtures';
import { noHostAccess, noPrivilegedPods, runAsNonRoot } from './pod-security';

describe('no-privileged-pods', () => {
  test('a confined pod passes', () => {
    expect(noPrivilegedPods.check(statefulSet({}))).toEqual([]);
  });

  test('privileged containers and possible escalation are violations', () => {
    const spoiled = statefulSet({ container: { securityContext: { privileged: true } } });
    expect(noPrivilegedPods.check(spoiled)).toEqual([
      'container redis of StatefulSet/data/redis is privileged; remove it.',
      'container redis of StatefulSet/data/redis may escalate privileges; set allowPrivilegeEscalation: false.',
    ]);
  });
});

describe('no-host-access', () => {
  test('a pod with its own network, files and ports passes', () => {
    const ports = [{ containerPort: 6379 }];
    expect(noHostAccess.check(statefulSet({ container: { ports } }))).toEqual([]);
  });

  test('namespaces, paths and ports of the node are violations', () => {
    const spoiled = statefulSet({
      pod: {
        hostNetwork: true,
        hostPID: true,
        hostIPC: true,
        volumes: [{ name: 'node', hostPath: { path: '/' } }],
      },
      container: { ports: [{ containerPort: 6379, hostPort: 6379 }] },
    });
    expect(noHostAccess.check(spoiled)).toEqual([
      'StatefulSet/data/redis sets hostNetwork; remove it.',
      'StatefulSet/data/redis sets hostPID; remove it.',
      'StatefulSet/data/redis sets hostIPC; remove it.',
      'StatefulSet/data/redis sets hostPath in volume node; remove it.',
      'StatefulSet/data/redis sets hostPort 6379 in container redis; remove it.',
    ]);
  });
});

describe('run-as-non-root', () => {
  test('the pod setting reaches its containers', () => {
    expect(runAsNonRoot.check(statefulSet({}))).toEqual([]);
  });

  test('a container overrides its pod', () => {
    const spoiled = statefulSet({ container: { securityContext: { runAsNonRoot: false } } });
    expect(runAsNonRoot.check(spoiled)).toEqual([
      'container redis of StatefulSet/data/redis may run as root; set runAsNonRoot: true.',
    ]);
  });

  test('user 0 is root whatever else is set', () => {
    const spoiled = statefulSet({ container: { securityContext: { runAsNonRoot: true, runAsUser: 0 } } });
    expect(runAsNonRoot.check(spoiled)).toEqual([
      'container redis of StatefulSet/data/redis runs as user 0; choose another runAsUser.',
    ]);
  });

  test('a bare Pod without any setting may run as root', () => {
    const pod = resource('core/v1:Pod', 'shell', { spec: { containers: [{ name: 'sh' }] } });
    expect(runAsNonRoot.check(pod)).toEqual([
      'container sh of Pod/data/shell may run as root; set runAsNonRoot: true.',
    ]);
  });
});
