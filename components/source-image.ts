import * as path from 'node:path';
import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { projectRoot } from '../migrations/project-root';

/** A registry that the cluster pulls from. */
export interface ImageRegistry {
  /** Host and path that go before the image's name, such as `registry.example.com/platform`. */
  readonly server: string;
  readonly username?: pulumi.Input<string>;
  readonly password?: pulumi.Input<string>;
}

/** Where an image is built from; paths are relative to the project. */
export interface ImageSource {
  /** Short name for error messages, such as `minio`. */
  readonly name: string;
  /** Folder that the build is sent. */
  readonly context: string;
  readonly dockerfile: string;
}

/** MinIO's server, of which there are no images. */
export const minioSource: ImageSource = {
  name: 'minio',
  context: 'local/go/minio',
  dockerfile: 'components/minio/image/Dockerfile',
};

/** Arguments of {@link SourceImage}. */
export interface SourceImageArgs {
  /** Name and tag of the image to build, such as `agent-data-platform/minio:2026-02-12`. */
  readonly imageName: string;
  readonly source: ImageSource;
  /** Where to push it; default nowhere: the cluster must see the images of the local Docker daemon. */
  readonly registry?: ImageRegistry;
  /** An image to take instead of building one: a reference by digest, `name@sha256:…`; default build. */
  readonly reference?: string;
}

/**
 * Pure specification of the build; undefined when an existing image is taken.
 * @throws Error when the reference has no digest, or the registry is a URL.
 */
export function sourceImageSpec({ imageName, source, registry, reference }: SourceImageArgs) {
  if (reference !== undefined) {
    if (!/^[^\s@]+@sha256:[0-9a-f]{64}$/.test(reference)) {
      throw new Error(
        `${source.name}: the image must be pinned by digest (name@sha256: and 64 hexadecimal digits), got "${reference}".`,
      );
    }
    return undefined;
  }
  if (registry && !/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._/-]+)?$/.test(registry.server)) {
    throw new Error(
      `${source.name}: the registry must be a host with an optional port and path, such as registry.example.com/platform, got "${registry.server}".`,
    );
  }
  // Relative, since state holds these paths and the project may lie elsewhere on the next machine.
  const fromHere = (file: string) => path.relative(process.cwd(), path.join(projectRoot(), file)) || '.';
  return {
    imageName: registry ? `${registry.server}/${imageName}` : imageName,
    build: { context: fromHere(source.context), dockerfile: fromHere(source.dockerfile) },
    skipPush: !registry,
    ...(registry?.username !== undefined && registry.password !== undefined
      ? {
          registry: {
            server: registry.server.split('/')[0]!,
            username: registry.username,
            password: registry.password,
          },
        }
      : {}),
  };
}

/**
 * An image of the platform's own: built from source with Docker, or given by digest.
 * @see https://www.pulumi.com/registry/packages/docker/api-docs/image/
 */
export class SourceImage extends pulumi.ComponentResource {
  /** What to put into a pod: by digest where there is one in a registry, else by tag. */
  readonly reference: pulumi.Output<string>;

  constructor(name: string, args: SourceImageArgs, opts?: pulumi.ComponentResourceOptions) {
    const aliases = [{ type: 'agent-data-platform:data:MinioImage' }];
    super('agent-data-platform:data:SourceImage', name, {}, pulumi.mergeOptions({ aliases }, opts));
    const spec = sourceImageSpec(args);
    if (spec) {
      const image = new docker.Image(name, spec, { parent: this });
      // Without a registry the digest is an image id, which no pod can name.
      this.reference = spec.skipPush ? image.imageName : image.repoDigest;
    } else {
      this.reference = pulumi.output(args.reference!);
    }
    this.registerOutputs({ reference: this.reference });
  }
}
