import { Program, ProgramError } from './programs';

const shell = (script: string, env?: Record<string, string>) => new Program('sh', ['-c', script], env);
const given = (...texts: string[]) =>
  (async function* () {
    yield* texts;
  })();

test('gives what a program prints', async () => {
  expect(await shell('printf one; printf two').text()).toBe('onetwo');
});

test('a program that fails after it has printed is an error, with what it said first', async () => {
  const output = shell('echo part; echo first >&2; echo then >&2; exit 3').output();
  expect((await output.next()).value?.toString()).toBe('part\n');
  await expect(output.next()).rejects.toThrow(new ProgramError('sh failed: first\nthen'));
});

test('a program that is not there, or says nothing', async () => {
  await expect(new Program('no-such-program', []).text()).rejects.toThrow(
    'no-such-program is not on the PATH; install it, or use the image.',
  );
  await expect(shell('exit 3').text()).rejects.toThrow('sh failed: it ended with 3');
  await expect(shell('kill -9 $$').text()).rejects.toThrow('sh failed: killed by SIGKILL');
});

test('a reader that stops early stops the program', async () => {
  const program = shell('echo one; exec sleep 600');
  for await (const chunk of program.output()) {
    expect(chunk.toString()).toBe('one\n');
    break;
  }
  await expect(program.ended).rejects.toThrow('killed by SIGTERM');
});

test('reads all of a source', async () => {
  await shell('[ "$(cat)" = onetwo ]').read(given('one', 'two'));
  await expect(shell('[ "$(cat)" = one ]').read(given('one', 'two'))).rejects.toThrow(ProgramError);
});

test('a program that stops reading says why, and a source that fails stops the program', async () => {
  async function* endless() {
    for (;;) yield Buffer.alloc(65536);
  }
  await expect(shell('echo full >&2; exit 1').read(endless())).rejects.toThrow('sh failed: full');
  async function* failing() {
    yield 'one';
    throw new Error('The source is gone.');
  }
  const program = shell('cat; exec sleep 600');
  await expect(program.read(failing())).rejects.toThrow('The source is gone.');
  await expect(program.ended).rejects.toThrow('killed by SIGTERM');
});

test('sees nothing of the environment but the PATH and what it is given', async () => {
  process.env.SECRET_OF_THE_TEST = 'secret';
  const seen = await shell('echo "$SECRET_OF_THE_TEST $GIVEN"', { GIVEN: 'given' }).text();
  delete process.env.SECRET_OF_THE_TEST;
  expect(seen).toBe(' given\n');
});
