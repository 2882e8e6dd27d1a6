// SSH public keys and X.509 certificates: checking what users import, fingerprints, and making RSA pairs. Pure but for
// randomness.
import { createHash, generateKeyPair, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { InvalidInput } from '#compute/errors.ts';

const SSH_TYPES: ReadonlySet<string> = new Set([
  'ssh-rsa',
  'ssh-dss',
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]);

const colons = (hex: string): string => hex.replaceAll(/(..)(?=.)/g, '$1:');

/** What some reader of `authorized_keys` takes for the end of a line, or must not see at all. */
const SEVERAL_LINES = /(?!\t)[\p{Cc}\p{Zl}\p{Zp}]/u;

/** MD5 over the key's blob, as the field shows it. @throws InvalidInput for what is no public key */
export function sshFingerprint(publicKey: string): string {
  const [type = '', encoded = ''] = publicKey.trim().split(/\s+/);
  const blob = Buffer.from(encoded, 'base64');
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0;
  const inside = blob.subarray(4, 4 + length).toString('latin1');
  if (
    SEVERAL_LINES.test(publicKey.trim()) ||
    !SSH_TYPES.has(type) ||
    inside !== type ||
    blob.length <= 4 + length
  )
    throw invalid('it is no SSH public key in the one-line form `type base64 comment`');
  return colons(createHash('md5').update(blob).digest('hex'));
}

/** SHA-1 over the certificate. @throws InvalidInput */
export function x509Fingerprint(certificate: string): string {
  try {
    const { fingerprint } = new X509Certificate(certificate);
    return fingerprint.toLowerCase();
  } catch {
    throw invalid('it is no X.509 certificate in PEM');
  }
}

const invalid = (why: string): InvalidInput =>
  new InvalidInput(`Keypair data is invalid: failed to generate fingerprint, ${why}`, 'invalid-key');

const RSA_BITS = 2048; // every SSH server and library of the field takes it, ed25519 not

/** An RSA pair: the public key in one line, the private one in PEM. Made off the event loop. */
export async function generateSshKey(): Promise<{ publicKey: string; privateKey: string }> {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  const { n = '', e = '' } = pair.publicKey.export({ format: 'jwk' });
  const blob = Buffer.concat([sshString(Buffer.from('ssh-rsa')), sshInteger(e), sshInteger(n)]);
  return {
    publicKey: `ssh-rsa ${blob.toString('base64')} Generated-by-Pileus`,
    privateKey: pair.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  };
}

function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A positive multiple-precision integer: a zero byte in front when the first bit is set. */
function sshInteger(base64url: string): Buffer {
  const bytes = Buffer.from(base64url, 'base64url');
  const [first = 0] = bytes;
  return sshString(first >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}
