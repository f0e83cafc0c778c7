import * as fs from 'node:fs';
import * as path from 'node:path';
import { cached } from '../cache';
import { hash } from '../go-build';
import { installPackages, runHost } from '../one-node/host';
import { note } from '../progress';
import { UserError } from '../user-error';
import { packLayer, type Layer } from './oci';
import type { Recipe } from './recipes';

const RELEASE = 'trixie';

/** Documentation and translations, which no container reads, are not unpacked. */
const DPKG_CONFIGURATION = `path-exclude /usr/share/doc/*
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/lintian/*
force-unsafe-io
`;

const CLEAN_UP = `apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/* /tmp/*
rm -rf /usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/* /usr/share/lintian/*
rm -f /usr/sbin/policy-rc.d /etc/resolv.conf`;

const BASE_SCRIPT = `debootstrap --variant=minbase ${RELEASE} "$ROOTFS" $MIRROR
mirror=$(cut -d' ' -f2 "$ROOTFS/etc/apt/sources.list" | head -1)
security=\${SECURITY:-\${mirror%debian*}debian-security}
echo "deb $security ${RELEASE}-security main" > "$ROOTFS/etc/apt/sources.list.d/security.list"
printf '%s' "$DPKG_CONFIGURATION" > "$ROOTFS/etc/dpkg/dpkg.cfg.d/small"
cp /etc/resolv.conf "$ROOTFS/etc/resolv.conf"
chroot "$ROOTFS" sh -euc 'apt-get update; apt-get upgrade --yes; ${CLEAN_UP.replaceAll('\n', '; ')}'
`;

const LAYER_SCRIPT = `mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$WORK/upper,workdir=$WORK/work,redirect_dir=off" "$WORK/merged"
mount -t proc proc "$WORK/merged/proc"
cp /etc/resolv.conf "$WORK/merged/etc/resolv.conf"
printf '#!/bin/sh\\nexit 101\\n' > "$WORK/merged/usr/sbin/policy-rc.d"
chmod 755 "$WORK/merged/usr/sbin/policy-rc.d"
chroot "$WORK/merged" sh -euc "$INSTALL"
`;

const ROOT_SCRIPT = `cp --archive "$BASE" "$ROOTFS"
mount -t proc proc "$ROOTFS/proc"
cp /etc/resolv.conf "$ROOTFS/etc/resolv.conf"
printf '#!/bin/sh\\nexit 101\\n' > "$ROOTFS/usr/sbin/policy-rc.d"
chmod 755 "$ROOTFS/usr/sbin/policy-rc.d"
chroot "$ROOTFS" sh -euc "$INSTALL"
`;

/** Cache version of the base layer. */
export const baseVersion = hash([BASE_SCRIPT, DPKG_CONFIGURATION, process.arch]);

/** The layer that all Debian images share, with the unpacked files that it was made of. */
async function baseLayer(): Promise<{ rootfs: string; layer: Layer }> {
  const key = { name: 'images/base', version: baseVersion };
  const folder = await cached(key, `Building the base image (Debian ${RELEASE})`, async (dir, report) => {
    await installPackages();
    const mirrors = await hostMirrors();
    await isolated(BASE_SCRIPT, report, {
      ROOTFS: path.join(dir, 'rootfs'),
      MIRROR: mirrors.main,
      SECURITY: mirrors.security,
      DPKG_CONFIGURATION,
    });
    const layer = await packLayer(path.join(dir, 'rootfs'), path.join(dir, 'layer.tar'), ['./dev/*']);
    fs.writeFileSync(path.join(dir, 'digest'), layer.digest);
  });
  const digest = fs.readFileSync(path.join(folder, 'digest'), 'utf8');
  return { rootfs: path.join(folder, 'rootfs'), layer: { file: path.join(folder, 'layer.tar'), digest } };
}

/**
 * Layers of a Debian image: the shared base, and what its packages and files change.
 * @param addFiles Adds files to the image, given the folder of its root.
 * @throws UserError when Debian has another version of the package than the one pinned or a later patch of it.
 */
export async function debianLayers(
  recipe: Recipe,
  dir: string,
  report: (line: string) => void,
  addFiles: (root: string) => Promise<void>,
): Promise<Layer[]> {
  const base = await baseLayer();
  const work = path.join(dir, 'work');
  for (const folder of ['upper', 'work', 'merged'])
    fs.mkdirSync(path.join(work, folder), { recursive: true });
  const upper = path.join(work, 'upper');
  // The upper folder's own mode becomes that of the image's root.
  fs.chmodSync(upper, 0o755);
  if (recipe.packages || recipe.before) {
    await isolated(LAYER_SCRIPT, report, { BASE: base.rootfs, WORK: work, INSTALL: installation(recipe) });
    if (recipe.expect) checkVersion(upper, recipe.expect);
    convertWhiteouts(upper);
  }
  await addFiles(upper);
  if (fs.readdirSync(upper).length === 0) return [base.layer];
  const layer = await packLayer(upper, path.join(dir, 'layer.tar'));
  fs.rmSync(work, { recursive: true });
  return [base.layer, layer];
}

/** A folder that programs can be started in with `chroot`: the base, and what the packages of a recipe bring. */
export async function debianRoot(
  recipe: Pick<Recipe, 'before' | 'packages'>,
  dir: string,
  report: (line: string) => void,
): Promise<void> {
  const { rootfs } = await baseLayer();
  await isolated(ROOT_SCRIPT, report, { BASE: rootfs, ROOTFS: dir, INSTALL: installation(recipe) });
}

function installation({ before = '', packages }: Pick<Recipe, 'before' | 'packages'>): string {
  const install = packages
    ? ['apt-get update', `apt-get install --yes --no-install-recommends ${packages.join(' ')}`]
    : [];
  return [before, ...install, CLEAN_UP].join('\n');
}

/** Runs a shell script whose mounts and processes go away with it, also when it is killed. */
async function isolated(
  script: string,
  report: (line: string) => void,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const isolation = [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--propagation',
    'private',
  ];
  await runHost('unshare', [...isolation, 'sh', '-euc', script], {
    report,
    // A folder of this machine is none in there.
    env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8', TMPDIR: undefined, ...env },
  });
}

/** Package mirrors that this machine uses, so that a closed network's own mirror is found; empty where unknown. */
async function hostMirrors(): Promise<{ main: string; security: string }> {
  const format = '$(ORIGIN)|$(LABEL)|$(REPO_URI)';
  const { stdout } = await runHost('apt-get', ['indextargets', '--format', format, 'Identifier: Packages']);
  const rows = stdout.split('\n').map((row) => row.split('|'));
  const uri = (label: string) =>
    rows.find(([origin, name]) => origin === 'Debian' && name === label)?.[2]?.replace(/\/$/, '') ?? '';
  return { main: uri('Debian'), security: uri('Debian-Security') };
}

/** Upstream part of a Debian version: `5:8.0.2-3+deb13u1` is 8.0.2. */
export function upstreamVersion(debian: string): string {
  return debian
    .replace(/^\d+:/, '')
    .replace(/-[^-]*$/, '')
    .replace(/[+~].*$/, '');
}

function checkVersion(root: string, expect: { package: string; version: string }): void {
  const status = fs.readFileSync(path.join(root, 'var/lib/dpkg/status'), 'utf8');
  const entry = status.split('\n\n').find((text) => text.startsWith(`Package: ${expect.package}\n`)) ?? '';
  const found = upstreamVersion(/^Version: (.*)$/m.exec(entry)?.[1] ?? '');
  if (found === expect.version) return;
  if (!isLaterPatch(found, expect.version)) {
    throw new UserError(
      `Debian ${RELEASE} has ${expect.package} ${found}, and components/versions.ts asks for ${expect.version}.`,
      `Set the version to ${found} in components/versions.ts.`,
    );
  }
  note(`The local image carries ${expect.package} ${found}, which replaced ${expect.version} in Debian`);
}

/** Whether a version is a later patch of the same series: 17.12 of 17.11, not 18.1 nor 17.10. */
export function isLaterPatch(found: string, pinned: string): boolean {
  const split = (version: string) => [version.slice(0, version.lastIndexOf('.')), version.split('.').at(-1)];
  const [[foundSeries, foundPatch], [series, patch]] = [split(found), split(pinned)];
  return foundSeries === series && Number(foundPatch) > Number(patch);
}

/**
 * Files that the upper folder marks as deleted get the form that OCI layers use.
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
 */
function convertWhiteouts(folder: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) convertWhiteouts(file);
    else if (entry.isCharacterDevice() && fs.lstatSync(file).rdev === 0) {
      fs.rmSync(file);
      fs.writeFileSync(path.join(folder, `.wh.${entry.name}`), '');
    }
  }
}
