/** The configuration of radvd (radvd.conf(5)): what a router advertises on its interfaces. */
import { type Origin } from '../../../text/problem.ts';
import { type IpAddress, type Prefix } from '../../routing/types.ts';

export interface Radvd {
  readonly interfaces: readonly AdvertisingInterface[];
}

export interface AdvertisingInterface {
  readonly name: string;
  /** `AdvSendAdvert`: without it the interface says nothing. */
  readonly sends: boolean;
  /** `AdvManagedFlag`: addresses come by DHCPv6. */
  readonly managed: boolean;
  /** `AdvOtherConfigFlag`: other settings come by DHCPv6. */
  readonly otherConfig: boolean;
  /** `AdvLinkMTU`; null sends none. */
  readonly mtu: number | null;
  /** Seconds the router is a default router; 0 is not. */
  readonly defaultLifetime_s: number | null;
  readonly minInterval_s: number | null;
  readonly maxInterval_s: number | null;
  readonly unicastOnly: boolean;
  readonly prefixes: readonly AdvertisedPrefix[];
  readonly routes: readonly Prefix[];
  readonly dnsServers: readonly IpAddress[];
  readonly searchDomains: readonly string[];
  /** Only these get an answer; empty answers everybody. */
  readonly clients: readonly IpAddress[];
  /** Statements that are read as text. */
  readonly others: readonly RadvdStatement[];
  readonly origin: Origin;
}

/** RFC 4861 §4.6.2. */
export interface AdvertisedPrefix {
  readonly prefix: Prefix;
  readonly onLink: boolean;
  readonly autonomous: boolean;
  readonly valid_s: number | null;
  readonly preferred_s: number | null;
  readonly others: readonly RadvdStatement[];
  readonly origin: Origin;
}

/** A statement as its words, and the block behind it. */
export interface RadvdStatement {
  readonly words: readonly string[];
  readonly block: readonly RadvdStatement[] | null;
  readonly origin: Origin;
}
