import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { images } from '../../components/versions';
import { type LocalCluster, openCluster } from '../cluster-choice';
import { imageArchive } from '../images';
import { kindUsable, loadKindImage } from '../kind/kind';
import { ensureOperatorManifests } from '../manifests';
import { loadImage, oneNodeStatus, startOneNodeCluster, whileInUse } from '../one-node';
import { note } from '../progress';
import { passphraseFile } from '../pulumi/backend';
import { loadStackSettings, PROJECT } from '../pulumi/project';
import { ensureToolchain } from '../toolchain/toolchain';
import { localClusterStatus, stopLocalCluster } from './cluster';

/**
 * Runs with a cluster and a Pulumi backend that belong to the tests alone, and leaves the machine as it was: the
 * test cluster is stopped unless it ran before, and a one-node cluster `dev` that had to make room is started again.
 * @param keep Leave the test cluster running.
 */
export async function withTestEnvironment<T>(
  keep: boolean,
  use: (env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const toolchain = await ensureToolchain();
  await ensureOperatorManifests();
  const cluster = await testCluster();
  const before = await localClusterStatus(cluster);
  const devRan = cluster.kind === 'one-node' && (await oneNodeStatus('dev')).running.length > 0;
  const state = fs.mkdtempSync(path.join(os.tmpdir(), `${PROJECT}-test-`));
  try {
    return await alone(cluster, async () => {
      const clusterEnv = await openCluster(cluster, loadStackSettings('dev'));
      await loadMinioImage(cluster);
      return use({
        ...process.env,
        ...toolchain.env,
        ...clusterEnv,
        AGENT_DATA_PLATFORM_TEST_STATE: state,
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_CONFIG_PASSPHRASE: undefined,
        PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(state),
      });
    });
  } finally {
    fs.rmSync(state, { recursive: true, force: true });
    if (keep) note(`The test cluster (${cluster.kind} ${cluster.name}) keeps running`);
    else if (before !== 'running') await stopLocalCluster(cluster);
    if (devRan && !keep) await startOneNodeCluster('dev');
  }
}

function alone<T>(cluster: LocalCluster, run: () => Promise<T>): Promise<T> {
  return cluster.kind === 'one-node' ? whileInUse(cluster.name, run) : run();
}

/** MinIO has no public image: where the platform runs, its program builds one; scratch servers find it on the nodes. */
async function loadMinioImage({ kind, name }: LocalCluster): Promise<void> {
  if (kind === 'one-node') return loadImage(name, await imageArchive(images.minio));
  /* eslint-disable @typescript-eslint/no-require-imports -- takes Pulumi's packages with it, which no other command needs */
  const { minioSource, sourceImageSpec } =
    require('../../components/source-image') as typeof import('../../components/source-image');
  /* eslint-enable @typescript-eslint/no-require-imports */
  const { context, dockerfile } = sourceImageSpec({ imageName: images.minio, source: minioSource })!.build;
  await loadKindImage(name, { image: images.minio, context, dockerfile });
}

async function testCluster(): Promise<LocalCluster> {
  return (await kindUsable())
    ? { kind: 'kind', name: `${PROJECT}-test` }
    : { kind: 'one-node', name: 'test' };
}
