import { imageArchive } from '../../images';
import { loadImage } from '../../one-node';
import { type Diff, changes } from '../diff';
import {
  type PlainProperties,
  type Properties,
  containsUnknown,
  reveal,
  withSecretsOf,
} from '../marshalling';
import type {
  CheckCall,
  CreateCall,
  DiffCall,
  Host,
  Provider,
  ReadCall,
  ResourceState,
  UpdateCall,
} from '../provider';
import { imageDigests } from './archive';

const imageType = 'docker:index/image:Image';
const officialPlugin = 'The official docker plugin with a Docker daemon builds any image.';

/**
 * Stand-in for the official docker plugin: makes the images of local/images from source and loads them into
 * the one-node cluster named by AGENT_DATA_PLATFORM_CLUSTER.
 * @see https://www.pulumi.com/registry/packages/docker/api-docs/image/
 */
export class DockerProvider implements Provider {
  constructor(private readonly host: Host) {}

  configure(): void {}

  async check({ type, news }: CheckCall) {
    requireImage(type);
    const plain: PlainProperties = reveal(news);
    const failures =
      typeof plain.imageName === 'string' || containsUnknown(news.imageName ?? null)
        ? []
        : [{ property: 'imageName', reason: `imageName must be a string, got ${plain.imageName}.` }];
    const build = { context: '.', dockerfile: 'Dockerfile', ...plain.build };
    const inputs = withSecretsOf({ ...plain, build }, news) as Properties;
    return { inputs, failures };
  }

  async diff({ oldInputs, news }: DiffCall): Promise<Diff> {
    // A new name is a new image; everything else is built under the same name, as the official plugin does.
    return { changes: changes(reveal(oldInputs), reveal(news)), replaces: () => false };
  }

  async create({ urn, inputs, preview }: CreateCall): Promise<ResourceState> {
    if (preview) return { id: '', outputs: inputs };
    const outputs = await this.build(urn, inputs);
    return { id: String(outputs.imageName), outputs };
  }

  async read({ id, outputs }: ReadCall): Promise<ResourceState> {
    if (Object.keys(outputs).length > 0) return { id, outputs };
    throw new Error(`The image ${id} cannot be imported by the stand-in plugin. ${officialPlugin}`);
  }

  async update({ urn, inputs, preview }: UpdateCall): Promise<Properties> {
    return preview ? inputs : this.build(urn, inputs);
  }

  /** Keeps the image, as the official plugin does: running pods may still need it. */
  async delete(): Promise<void> {}

  async invoke(token: string): Promise<PlainProperties> {
    throw new Error(`The function ${token} is not served by the stand-in plugin. ${officialPlugin}`);
  }

  private async build(urn: string, inputs: Properties): Promise<Properties> {
    const { imageName, build, registry, skipPush }: PlainProperties = reveal(inputs);
    const cluster = oneNodeCluster(imageName);
    this.host.log.status(urn, `building ${imageName} from source`);
    const archive = await archiveOf(imageName);
    this.host.log.status(urn, `loading ${imageName} into the cluster`);
    await loadImage(cluster, archive);
    const { manifest, config } = await imageDigests(archive);
    return {
      imageName,
      baseImageName: imageName,
      context: build.context,
      dockerfile: build.dockerfile,
      ...(build.platform ? { platform: build.platform } : {}),
      registryServer: registry?.server ?? '',
      repoDigest: skipPush ? config : `${imageName.replace(/:[^/:]*$/, '')}@${manifest}`,
    };
  }
}

function requireImage(type: string): void {
  if (type !== imageType)
    throw new Error(`${type} is not served by the stand-in plugin, only ${imageType}. ${officialPlugin}`);
}

/** Without a registry an image can only reach the cluster that this machine runs. */
function oneNodeCluster(imageName: string): string {
  const cluster = process.env.AGENT_DATA_PLATFORM_CLUSTER ?? '';
  const [mode, name] = cluster.split(':');
  if (mode === 'one-node' && name) return name;
  throw new Error(
    `The image ${imageName} cannot be brought to the cluster "${cluster || 'unknown'}": the stand-in plugin only ` +
      `loads images into the one-node cluster. ${officialPlugin} Or configure an image that the cluster can pull.`,
  );
}

async function archiveOf(imageName: string): Promise<string> {
  try {
    return await imageArchive(imageName);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)} ${officialPlugin}`, {
      cause: error,
    });
  }
}
