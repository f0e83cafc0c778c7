import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { customise, loadManifest, manifestPath, parseManifest } from './manifest';

const text = `
apiVersion: v1
kind: Namespace
metadata: { name: operator-system }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: controller, namespace: operator-system }
spec:
  template:
    spec:
      containers:
        - name: manager
          image: example.org/operator:1.0
          imagePullPolicy: Always
          env: [{ name: OPERATOR_IMAGE, value: 'example.org/operator:1.0' }]
---
# nothing but a comment
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: operator }
subjects: [{ kind: ServiceAccount, name: operator, namespace: operator-system }]
`;
const sha256 = createHash('sha256').update(text).digest('hex');
const url = 'https://example.org/operator-1.0.yaml';

describe('a release manifest', () => {
  let cache: string;
  const inherited = process.env.AGENT_DATA_PLATFORM_CACHE;

  beforeEach(() => {
    cache = fs.mkdtempSync(path.join(os.tmpdir(), 'manifest-test-'));
    process.env.AGENT_DATA_PLATFORM_CACHE = cache;
  });
  afterEach(() => {
    fs.rmSync(cache, { recursive: true });
    if (inherited === undefined) delete process.env.AGENT_DATA_PLATFORM_CACHE;
    else process.env.AGENT_DATA_PLATFORM_CACHE = inherited;
    jest.restoreAllMocks();
  });

  function serve(body: string, status = 200): jest.SpyInstance {
    return jest.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response(body, { status }));
  }

  it('is read from the cache without a download', async () => {
    const fetched = serve('unused');
    fs.mkdirSync(path.join(cache, 'manifests'));
    fs.writeFileSync(manifestPath(sha256), text);
    const objects = await loadManifest({ url, sha256 });
    expect(objects.map(({ kind }) => kind)).toEqual(['Namespace', 'Deployment', 'ClusterRoleBinding']);
    expect(fetched).not.toHaveBeenCalled();
  });

  it('is downloaded once, verified and kept', async () => {
    const fetched = serve(text);
    await loadManifest({ url, sha256 });
    await loadManifest({ url, sha256 });
    expect(fetched).toHaveBeenCalledTimes(1);
    expect(fs.readdirSync(path.join(cache, 'manifests'))).toEqual([`${sha256}.yaml`]);
  });

  it('is downloaded again when the cached bytes are damaged', async () => {
    serve(text);
    fs.mkdirSync(path.join(cache, 'manifests'));
    fs.writeFileSync(manifestPath(sha256), text.slice(0, 40));
    await expect(loadManifest({ url, sha256 })).resolves.toHaveLength(3);
  });

  it('is refused when its checksum differs, and not kept', async () => {
    const served = 'kind: Namespace';
    const actual = createHash('sha256').update(served).digest('hex');
    serve(served);
    await expect(loadManifest({ url, sha256 })).rejects.toThrow(
      `The manifest ${url} has sha256 ${actual}, expected ${sha256}: if the new content is intended, pin its checksum.`,
    );
    expect(fs.existsSync(manifestPath(sha256))).toBe(false);
  });

  it('names the file to provide when it cannot be downloaded', async () => {
    serve('no', 503);
    await expect(loadManifest({ url, sha256 })).rejects.toThrow(
      `cannot be downloaded (HTTP 503 ): check the network, or put the file at ${manifestPath(sha256)}.`,
    );
  });
});

describe('customise', () => {
  it('replaces the image and the namespace wherever they occur, pulls only absent images, and restricts the pods', () => {
    const objects = customise(parseManifest(text), {
      image: 'registry.local/operator:1.0',
      namespace: 'ops',
    });
    expect(objects).toEqual([
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'ops', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'controller', namespace: 'ops' },
        spec: {
          template: {
            spec: {
              containers: [
                {
                  name: 'manager',
                  image: 'registry.local/operator:1.0',
                  imagePullPolicy: 'IfNotPresent',
                  env: [{ name: 'OPERATOR_IMAGE', value: 'registry.local/operator:1.0' }],
                },
              ],
            },
          },
        },
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'operator' },
        subjects: [{ kind: 'ServiceAccount', name: 'operator', namespace: 'ops' }],
      },
    ]);
  });

  it('refuses one image for a manifest that has none', () => {
    const [namespace] = parseManifest(text);
    expect(() => customise([namespace!], { image: 'registry.local/operator:1.0' })).toThrow(
      'The manifest has 0 images (none), so image "registry.local/operator:1.0" cannot replace them: leave image out.',
    );
  });
});

it('reports YAML that cannot be parsed', () => {
  expect(() => parseManifest('kind: [')).toThrow(/^The manifest is not valid YAML: /);
});
