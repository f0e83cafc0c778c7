/** Where the tools of the bench run: a Debian root on this machine, so that no tunnel slows any of them down. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { images, versions } from '../../components/versions';
import { cached } from '../../local/cache';
import { hash } from '../../local/go-build';
import { baseVersion, debianRoot } from '../../local/images/debian';
import { recipes } from '../../local/images/recipes';
import { assertHost, runHost } from '../../local/one-node/host';

const { before, packages = [] } = recipes[images.postgres]!;
const recipe = { before, packages: [...packages, 'pgbackrest'] };
const MAJOR = versions.postgres.split('.')[0];
const PATH = `/usr/lib/postgresql/${MAJOR}/bin:/usr/bin:/bin`;
/** Of the image that the platform runs. */
const UID = 26;

/** Its mounts are gone with the command. */
const ENTER = `mount --rbind /dev "$ROOTFS/dev"
mount -t proc proc "$ROOTFS/proc"
mount --bind "$WORK" "$ROOTFS/mnt"
exec chroot --userspec=postgres:postgres "$ROOTFS" env -i HOME=/mnt LANG=C.UTF-8 PATH=${PATH} "$@"`;

/** The Debian root, with a folder of this machine at `/mnt`. */
export class BenchRoot {
  /** Where a path below `/mnt` is on this machine. */
  readonly host = (path: string) => join(this.work, path);
  /** Where it is for the programs in the root. */
  readonly inside = (path: string) => join('/mnt', path);

  private constructor(
    private readonly rootfs: string,
    private readonly work: string,
  ) {}

  /** @param work Folder that everything is written to. */
  static async open(work: string): Promise<BenchRoot> {
    assertHost();
    const key = { name: 'bench/backup', version: hash([baseVersion, JSON.stringify(recipe)]) };
    const folder = await cached(key, 'Installing PostgreSQL and pgBackRest', (dir, report) =>
      debianRoot(recipe, join(dir, 'rootfs'), report),
    );
    mkdirSync(work, { recursive: true });
    await runHost('chown', [String(UID), work]);
    return new BenchRoot(join(folder, 'rootfs'), work);
  }

  /** Runs a program as the user of PostgreSQL; what it starts goes on. */
  async run(command: string, ...args: string[]): Promise<string> {
    const isolation = ['--mount', '--propagation', 'private'];
    const { stdout } = await runHost('unshare', [...isolation, 'sh', '-euc', ENTER, 'sh', command, ...args], {
      env: { ROOTFS: this.rootfs, WORK: this.work },
    });
    return stdout;
  }

  /** Bytes of a folder's files. */
  async bytes(path: string): Promise<number> {
    const { stdout } = await runHost('du', ['--summarize', '--bytes', this.host(path)]);
    return Number(stdout.split('\t')[0]);
  }

  async remove(path: string): Promise<void> {
    await runHost('rm', ['--recursive', '--force', this.host(path)]);
  }
}
