import { mountPointsBelow } from './containerd';

const mountinfo = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:25 / /run/adp/dev/containerd/rootfs rw - overlay overlay rw
31 30 0:26 / /run/adp/dev/containerd/rootfs/proc rw - proc proc rw
32 22 0:27 / /run/adp/dev-2/shm rw - tmpfs tmpfs rw
33 22 0:28 / /state/with\\040space/tmp rw - tmpfs tmpfs rw
`;

test('lists what is mounted below a folder, deepest first, and not its neighbours', () => {
  expect(mountPointsBelow(mountinfo, ['/run/adp/dev'])).toEqual([
    '/run/adp/dev/containerd/rootfs/proc',
    '/run/adp/dev/containerd/rootfs',
  ]);
});

test('understands the kernel’s escapes', () => {
  expect(mountPointsBelow(mountinfo, ['/state/with space'])).toEqual(['/state/with space/tmp']);
});
