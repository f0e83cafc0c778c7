/** Encryption on the client's side in the age format, so that `age --decrypt` reads a backup without this project. */
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { Decrypter, Encrypter } from 'age-encryption';

type Bytes = AsyncIterable<Uint8Array>;

/** No identity that was given can read an artifact. */
export class WrongIdentityError extends Error {}

/**
 * Encrypts for the owners of public keys; who encrypts cannot read it again.
 * @see https://age-encryption.org/v1
 */
export async function* encrypted(source: Bytes, recipients: readonly string[]): Bytes {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  yield* fromWeb(await encrypter.encrypt(toWeb(source)));
}

/** @throws WrongIdentityError when none of the identities is a recipient; Error when a byte is not as it was written. */
export async function* decrypted(source: Bytes, identities: readonly string[]): Bytes {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  const opened = await decrypter.decrypt(toWeb(source)).catch((error: Error) => {
    throw /no identity matched/i.test(error.message) ? new WrongIdentityError(error.message) : error;
  });
  yield* fromWeb(opened);
}

/** @throws Error naming what is no public key of age. */
export function checkRecipients(recipients: readonly string[]): void {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      throw new Error(`"${recipient}" is no public key of age; one begins with age1 (see age-keygen).`);
    }
  }
}

type WebBytes = Parameters<Encrypter['encrypt']>[0] & object;

function toWeb(source: Bytes): Extract<WebBytes, { getReader: unknown }> {
  return Readable.toWeb(Readable.from(source)) as never;
}

function fromWeb(stream: object): Bytes {
  return stream as ReadableStream<Uint8Array>;
}
