/** Certificates of scratch servers, all of one authority, as those of a platform are. */
import { issueCertificate, type KeyPair, newAuthority } from '../../components/certificates/x509';

const LIFETIME = { from: new Date(), days: 1 };

let authority: Promise<KeyPair> | undefined;

/** The authority of every server that this process starts with TLS. */
export function testAuthority(): Promise<KeyPair> {
  authority ??= newAuthority('test authority', LIFETIME);
  return authority;
}

/** Data of a Secret with a certificate for these names, and the private key, as the stack makes them. */
export async function testCertificate(
  dnsNames: readonly string[],
  signedBy: Promise<KeyPair> = testAuthority(),
): Promise<{ 'tls.crt': string; 'tls.key': string; 'ca.crt': string }> {
  const signer = await signedBy;
  const { certificate, privateKey } = await issueCertificate(signer, dnsNames, LIFETIME);
  return { 'tls.crt': certificate, 'tls.key': privateKey, 'ca.crt': signer.certificate };
}
