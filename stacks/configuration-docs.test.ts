import { readFileSync } from 'node:fs';
import { configurationDocs } from './configuration-docs';

test('docs/configuration.md is what the schema says (else run npm run docs:configuration)', () => {
  expect(readFileSync('docs/configuration.md', 'utf8')).toBe(configurationDocs());
});
