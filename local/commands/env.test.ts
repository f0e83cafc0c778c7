import { execFileSync } from 'node:child_process';
import { shellQuote } from '../shell';
import { changes } from './env';

test('only what differs from the present environment is printed', () => {
  const before = { HOME: '/home/me', PULUMI_CONFIG_PASSPHRASE: 'secret', PATH: '/bin' };
  expect(changes(before, { ...before, PATH: '/tools:/bin', KUBECONFIG: '/k', UNSET: undefined })).toEqual({
    PATH: '/tools:/bin',
    KUBECONFIG: '/k',
  });
});

test.each(['/plain/path:x', "it's $HOME `x`", 'two words\n', ''])('the shell reads %j back', (text) => {
  expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' })).toBe(text);
});
