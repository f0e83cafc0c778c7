/** The Oxigraph server that its project publishes as a wheel: the same command as in the official image. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { versions } from '../../components/versions';
import { type Wheel, wheelFiles, wheelVersion } from '../pypi';
import type { ImageFiles } from './recipes';

/** @see https://pypi.org/project/oxigraph/ */
const wheel: Wheel = {
  project: 'oxigraph',
  version: versions.oxigraph,
  sha256: {
    x64: 'd1b870a6ab77d69e6b45ff48f49694f8f4cbd65726498bfcc6143c31a3a81c5c',
    arm64: '9bce08f8ee63207ca47d7e2d3bf64a4c9289208a48c945c0a432ff2471d2b0e9',
  },
};

/** Adds `/usr/local/bin/oxigraph`. */
export const oxigraphFiles: ImageFiles = {
  version: wheelVersion(wheel),
  async add(root) {
    const scripts = path.join(await wheelFiles(wheel), `oxigraph-${wheel.version}.data/scripts`);
    const command = path.join(root, 'usr/local/bin/oxigraph');
    fs.mkdirSync(path.dirname(command), { recursive: true, mode: 0o755 });
    fs.copyFileSync(path.join(scripts, 'oxigraph'), command);
    fs.chmodSync(command, 0o755);
  },
};
