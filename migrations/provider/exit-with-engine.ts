let watching = false;

/**
 * Ends the dynamic provider's process together with the Pulumi engine that started it.
 * Without this, killing the engine leaves a process that fails to report its broken output, reports that failure, and so
 * on, with a whole processor and ever more memory.
 */
export function exitWithEngine(): void {
  if (watching || !/dynamic-provider/.test(process.argv[1] ?? '')) return;
  watching = true;
  const exit = () => process.exit(1);
  process.stdout.on('error', exit);
  process.stderr.on('error', exit);
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) exit();
  }, 1000).unref();
}
