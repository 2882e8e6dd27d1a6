// X.509 key pairs: a self-signed certificate for logging in to Windows guests, which know users by certificates.
import { webcrypto } from 'node:crypto';

const ALGORITHM = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};
const TEN_YEARS_MS = 10 * 365.25 * 86_400_000;

/** @returns the certificate and its private key, both in PEM. `userId` becomes its subject. */
export async function generateCertificate(
  userId: string,
  now: number,
): Promise<{ certificate: string; privateKey: string }> {
  await import('reflect-metadata'); // the library below wants it there first
  const x509 = await import('@peculiar/x509');
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: crypto.randomUUID().replaceAll('-', ''),
      name: [{ CN: [userId] }],
      notBefore: new Date(now),
      notAfter: new Date(now + TEN_YEARS_MS),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: 'upn', value: `${userId}@localhost` }]),
      ],
    },
    webcrypto as unknown as Crypto,
  );
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = key.replaceAll(/(.{64})(?=.)/g, '$1\n');
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
  };
}
