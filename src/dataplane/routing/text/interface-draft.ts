/** What the text and the JSON form of `ip link` and `ip address` have in common. */
import { type Interface, type InterfaceAddress } from '../types.ts';

/** An interface whose lower device may still be known by name only. */
export interface InterfaceDraft extends Omit<Interface, 'linkName'> {
  readonly linkName: string | null;
}

/** Scopes that a site defines for itself are as wide as global for what we ask. */
export function scopeOf(word: string): InterfaceAddress['scope'] {
  return word === 'link' || word === 'host' || word === 'site' ? word : 'global';
}
