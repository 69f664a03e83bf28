/** Fingerprints. */
import { createHash } from 'node:crypto';

/** The first 128 bits of SHA-256 in hexadecimal: a fingerprint of a text. */
export function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
