import { eachContainer } from './pods';
import { kindOf, objectName, Resource, ResourceRule } from './rule';

/** An image must be named by digest or by a tag other than `latest`. */
export const imagePinned: ResourceRule = {
  name: 'image-pinned',
  description:
    'Every image carries a digest or a tag other than latest, so that a restart runs the same code.',
  url: 'https://kubernetes.io/docs/concepts/containers/images/#image-names',
  severity: 'high',
  check: (resource) => {
    const inContainers = eachContainer(resource, ({ name, image }) =>
      problem(`container ${name} of ${objectName(resource)}`, image),
    );
    const ownImage = imageName(resource);
    return ownImage === undefined
      ? inContainers
      : [...inContainers, ...problem(objectName(resource), ownImage)];
  },
};

/** A node that keeps an old image behind a tag that moved runs other code than its neighbours. */
export const imagePullPolicy: ResourceRule = {
  name: 'image-pull-policy',
  description:
    'A tag without a full version, which may move, is pulled Always; nothing relies on images that are on a node already.',
  url: 'https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy',
  severity: 'medium',
  check: (resource) =>
    eachContainer(resource, ({ name, image = '', imagePullPolicy: policy = 'IfNotPresent' }) => {
      const where = `container ${name} of ${objectName(resource)}`;
      if (policy === 'Never')
        return [
          `${where} has imagePullPolicy Never, which only runs where somebody put the image; use IfNotPresent.`,
        ];
      if (policy === 'Always' || isVersion(image)) return [];
      return [
        `${where} uses "${image}", which may move, with imagePullPolicy ${policy}; name a full version or a digest, or use Always.`,
      ];
    }),
};

/** A digest, or a tag with a version of at least two numbers or a date. */
function isVersion(image: string): boolean {
  return image.includes('@sha256:') || /\d+[.-]\d+/.test(tagOf(image) ?? '');
}

function tagOf(image: string): string | undefined {
  return image.slice(image.lastIndexOf('/') + 1).split(':')[1];
}

/** CloudNativePG clusters name their image themselves; absent means the operator's default, which is pinned. */
function imageName(resource: Resource): string | undefined {
  if (kindOf(resource.type) !== 'Cluster') return undefined;
  return (resource.props.spec as { imageName?: string } | undefined)?.imageName;
}

function problem(where: string, image: string | undefined): string[] {
  if (!image) return [`${where} names no image; give it a tag or a digest.`];
  if (/@sha256:[0-9a-f]{64}$/.test(image)) return [];
  const tag = tagOf(image);
  if (!tag) return [`${where} uses "${image}" without a tag; add one, or a digest.`];
  if (tag === 'latest') return [`${where} uses "${image}"; name a version instead of latest.`];
  return [];
}
