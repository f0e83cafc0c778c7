import { hostname, userInfo } from 'node:os';

/** Who runs this process, for histories and locks, such as `ci@build-17`. */
export function whoami(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a user id without a name.
    return hostname();
  }
}
