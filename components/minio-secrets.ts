/** Names of MinIO's Secrets. */

/** Secrets of those who make users, for a MinIO of this name. */
export function administrators(name: string) {
  return { adminSecret: `${name}-admin`, rootSecret: `${name}-root` };
}

/** Secret with the secret keys of both users of a login, by access key. */
export function keysSecretName(secret: string): string {
  return `${secret}-keys`;
}
