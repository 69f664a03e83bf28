/** What the text and the JSON form of `ip link` and `ip address` have in common. */
import { type Interface, type InterfaceAddress } from '../types.ts';

/** An interface whose lower device may still be known by name only. */
export interface InterfaceDraft extends Omit<Interface, 'linkName'> {
  readonly linkName: string | null;
}

/** Only the default group has a known number among the names (/etc/iproute2/group). */
export function groupOf(word: string | undefined): { readonly group?: number } {
  if (word === 'default') return { group: 0 };
  return word !== undefined && /^(\d+|0x[0-9a-f]+)$/.test(word) ? { group: Number(word) } : {};
}

/** Scopes that a site defines for itself are as wide as global for what we ask. */
export function scopeOf(word: string): InterfaceAddress['scope'] {
  return word === 'link' || word === 'host' || word === 'site' ? word : 'global';
}
