import { onPath, run } from '../process';

/** Seconds after which a Docker that does not answer counts as not running. */
const TIMEOUT_S = 5;

/** Whether a Docker daemon answers here. */
export async function dockerRuns(): Promise<boolean> {
  if (!onPath('docker')) return false;
  const answer = run('docker', ['info', '--format', '{{.ServerVersion}}']).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  );
  const timeout = new Promise<false>((resolve) => {
    setTimeout(resolve, TIMEOUT_S * 1000, false).unref();
  });
  return Promise.race([answer, timeout]);
}
