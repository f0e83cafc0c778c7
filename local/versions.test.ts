import * as fs from 'node:fs';
import * as path from 'node:path';
import { projectRoot } from './paths';
import { goBuilds, toolVersions } from './versions';

const pins: [keyof typeof toolVersions, string, string][] = [
  ['pulumi', 'pulumi', 'github.com/pulumi/pulumi/pkg/v3'],
  ['pulumiLanguageNodejs', 'pulumi-language-nodejs', 'github.com/pulumi/pulumi/sdk/v3'],
  ['kubernetes', 'kubernetes', 'k8s.io/kubernetes'],
  ['coreDns', 'coredns', 'github.com/coredns/coredns'],
  ['localPathProvisioner', 'local-path-provisioner', 'github.com/rancher/local-path-provisioner'],
  ['cloudNativePg', 'cloudnative-pg', 'github.com/cloudnative-pg/cloudnative-pg'],
  ['barmanCloudPlugin', 'plugin-barman-cloud', 'github.com/cloudnative-pg/plugin-barman-cloud'],
  ['eck', 'cloud-on-k8s', 'github.com/elastic/cloud-on-k8s/v3'],
  ['minio', 'minio', 'github.com/minio/minio'],
  ['vault', 'vault', 'github.com/hashicorp/vault'],
];

test.each(pins)('%s is the version that local/go/%s pins', (tool, folder, module) => {
  const goMod = fs.readFileSync(path.join(projectRoot(), 'local/go', folder, 'go.mod'), 'utf8');
  const required = goMod
    .split('\n')
    .find((line) => line.replace('require', '').trim().startsWith(`${module} `));
  expect(required?.replace('require', '').trim()).toBe(`${module} ${toolVersions[tool]}`);
});

test('every build has its wrapper module with lock files', () => {
  for (const { name } of Object.values(goBuilds)) {
    const files = fs.readdirSync(path.join(projectRoot(), 'local/go', name));
    expect(files).toEqual(expect.arrayContaining(['go.mod', 'go.sum']));
  }
});

test('the binaries report their versions', () => {
  expect(goBuilds.kubernetes.ldflags).toContain('gitVersion=v1.34.3 ');
  expect(goBuilds.kubernetes.ldflags).toMatch(/gitMajor=1 .*gitMinor=34$/);
});
