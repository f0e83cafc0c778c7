import { Progress, seconds } from './progress';

function recorder(isTTY = false) {
  const written: string[] = [];
  return { written, output: { isTTY, columns: 40, write: (text: string) => written.push(text) } };
}

/** Durations differ from run to run. */
const withoutTimes = (written: string[]) => written.map((text) => text.replace(/\(\d+\.\d s\)/, '(T)'));

afterEach(() => jest.useRealTimers());

test('nested steps are indented and end with their duration', async () => {
  const { written, output } = recorder();
  const progress = new Progress(output);
  const result = await progress.step('Outer', async () => {
    progress.note('between');
    return progress.step('Inner', async () => 42);
  });
  expect(result).toBe(42);
  expect(withoutTimes(written)).toEqual([
    '• Outer\n',
    '  between\n',
    '  • Inner\n',
    '  ✓ Inner (T)\n',
    '✓ Outer (T)\n',
  ]);
});

test('a failed step says so and passes the error on', async () => {
  const { written, output } = recorder();
  const failure = new Error('broken');
  await expect(new Progress(output).step('Work', () => Promise.reject(failure))).rejects.toBe(failure);
  expect(withoutTimes(written)).toEqual(['• Work\n', '✗ Work (T)\n']);
});

test('without a terminal a long step prints its latest line every 30 s', async () => {
  jest.useFakeTimers();
  const { written, output } = recorder();
  let finish = () => undefined as void;
  const running = new Progress(output).step('Build', (report) => {
    report('package one');
    report('package two');
    return new Promise<void>((resolve) => (finish = resolve));
  });
  jest.advanceTimersByTime(60_000);
  finish();
  await running;
  expect(written).toEqual([
    '• Build\n',
    '… Build (30.0 s): package two\n',
    '… Build (1 min 0 s): package two\n',
    '✓ Build (1 min 0 s)\n',
  ]);
});

test('on a terminal the live line is rewritten, cut to the width, and cleared before other lines', async () => {
  jest.useFakeTimers();
  const { written, output } = recorder(true);
  let finish = () => undefined as void;
  const running = new Progress(output).step('Build', (report) => {
    report('x'.repeat(100));
    return new Promise<void>((resolve) => (finish = resolve));
  });
  jest.advanceTimersByTime(200);
  finish();
  await running;
  expect(written[1]).toBe(`\r\u001b[2K${`… Build (0.2 s): ${'x'.repeat(100)}`.slice(0, 39)}`);
  expect(written[2]).toBe('\r\u001b[2K✓ Build (0.2 s)\n');
});

test.each([
  [0, '0.0 s'],
  [12_345, '12.3 s'],
  [60_000, '1 min 0 s'],
  [119_600, '2 min 0 s'],
])('%d ms is %s', (ms, text) => expect(seconds(ms)).toBe(text));
