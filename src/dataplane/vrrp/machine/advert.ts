/** An advert as a router hears it, and whether it takes it for one of its virtual router. */
import { type IpAddress } from '../../routing/types.ts';
import { type InstanceSettings } from './settings.ts';

export interface Advert {
  readonly version: 2 | 3;
  readonly virtualRouterId: number;
  /** 255 owns the addresses, 0 gives up being master. */
  readonly priority: number;
  readonly interval_us: number;
  /** Version 2: the first eight characters of the password; null without authentication. */
  readonly password: string | null;
  readonly addresses: readonly IpAddress[];
  /** Source address of the packet: the higher one wins among equal priorities. */
  readonly source: IpAddress;
}

/** Why an advert is discarded. */
export type Discarded =
  | 'version'
  | 'virtual-router-id'
  | 'authentication'
  | 'interval'
  | 'addresses'
  | 'own-address';

/**
 * What is wrong with an advert in the eyes of a router, as vrrp_check_packet() asks; null when
 * nothing.
 * @param trusted its addresses are not compared
 */
export function discardedBecause(
  own: InstanceSettings,
  advert: Advert,
  trusted: boolean,
): Discarded | null {
  if (sameAddress(own.source, advert.source)) return 'own-address';
  if (advert.virtualRouterId !== own.virtualRouterId) return 'virtual-router-id';
  if (advert.version !== own.version) return 'version';
  if (advert.version === 2) {
    if (own.dialect.authenticates && advert.password !== own.password) return 'authentication';
    if (advert.interval_us !== own.advertInterval_us) return 'interval';
  }
  const compares = own.dialect.rejectsOtherAddresses && !trusted;
  if (compares && !sameAddresses(own, advert)) return 'addresses';
  return null;
}

function sameAddresses(own: InstanceSettings, advert: Advert): boolean {
  if (own.addresses.length !== advert.addresses.length) return false;
  for (const [i, one] of advert.addresses.entries()) {
    // Nearly always they stand in the same order.
    const beside = own.addresses[i]?.address;
    if (beside !== undefined && sameAddress(beside, one)) continue;
    if (!own.addresses.some(({ address }) => sameAddress(address, one))) return false;
  }
  return true;
}

function sameAddress(a: IpAddress, b: IpAddress): boolean {
  return a === b || (a.version === b.version && a.value === b.value);
}

/** The advert that this router sends with a priority. */
export function advertOf(own: InstanceSettings, priority: number): Advert {
  return {
    version: own.version,
    virtualRouterId: own.virtualRouterId,
    priority,
    interval_us: own.advertInterval_us,
    password: own.dialect.authenticates && own.version === 2 ? own.password : null,
    addresses: own.addresses.map(({ address }) => address),
    source: own.source,
  };
}
