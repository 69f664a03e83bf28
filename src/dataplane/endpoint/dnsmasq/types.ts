/**
 * The configuration of dnsmasq as far as DHCP needs it (dnsmasq(8)), from its command line, a
 * configuration file and the host, option and lease files they name.
 */
import { type Origin } from '../../../text/problem.ts';
import { type IpAddress } from '../../routing/types.ts';

export interface Dnsmasq {
  readonly ranges: readonly DhcpRange[];
  /** In the order of the files; a later one of equal standing does not replace an earlier one. */
  readonly hosts: readonly DhcpHost[];
  readonly options: readonly DhcpOptionSetting[];
  readonly leases: readonly DhcpLease[];
  /** Tags that what a client says sets: `--dhcp-match`, `--dhcp-userclass`… */
  readonly matches: readonly DhcpMatch[];
  readonly domain: string | null;
  /** `--interface`; empty serves all but those of `exceptInterfaces`. */
  readonly interfaces: readonly string[];
  readonly exceptInterfaces: readonly string[];
  readonly noDhcpInterfaces: readonly string[];
  /** `--port`: where DNS is served; 0 serves none, and then clients are not told of it. */
  readonly dnsPort: number;
  /** `--dhcp-authoritative`: answers for leases it does not know. */
  readonly authoritative: boolean;
  /** `--dhcp-broadcast` for these tags: answers are broadcast whatever the client asks. */
  readonly broadcastTags: readonly (readonly Tag[])[];
  /** `--dhcp-ignore`: clients with all of these tags get no answer. */
  readonly ignoreTags: readonly (readonly Tag[])[];
  readonly leaseMax: number;
  /** `--enable-ra`: router advertisements for all IPv6 ranges. */
  readonly enableRa: boolean;
  readonly files: DnsmasqFiles;
  /** Settings that do not change DHCP: DNS, logging, processes. */
  readonly others: readonly DnsmasqSetting[];
}

/** Paths on the host, as the command line names them. */
export interface DnsmasqFiles {
  readonly hosts: readonly string[];
  readonly options: readonly string[];
  readonly leases: string | null;
  readonly configuration: readonly string[];
  /** `--addn-hosts`: names for DNS. */
  readonly names: readonly string[];
  readonly pid: string | null;
}

/** A tag that must be set, or with `not` must not be set. */
export interface Tag {
  readonly name: string;
  readonly not: boolean;
}

/** One option of the command line or line of the configuration file. */
export interface DnsmasqSetting {
  readonly name: string;
  /** null where there is no `=`. */
  readonly value: string | null;
  readonly origin: Origin;
}

/** `--dhcp-range`: a network that is served, and which addresses may be given freely. */
export interface DhcpRange {
  readonly version: 4 | 6;
  /** Tags of clients that it is for. */
  readonly tags: readonly Tag[];
  /** Tag of everybody served from here. */
  readonly set: string | null;
  readonly start: IpAddress;
  readonly end: IpAddress | null;
  /** `static` gives addresses to known hosts only; `proxy` and `ra-*` give none. */
  readonly modes: readonly string[];
  /** null: that of the interface. */
  readonly prefixLength: number | null;
  readonly broadcast: IpAddress | null;
  /** Seconds; null is for ever. */
  readonly lease_s: number | null;
  readonly origin: Origin;
}

/** A line of the host file: who it is, and what he gets. */
export interface DhcpHost {
  readonly macs: readonly bigint[];
  /** `id:…`, as text. */
  readonly clientId: string | null;
  readonly tags: readonly Tag[];
  readonly sets: readonly string[];
  readonly addresses: readonly IpAddress[];
  readonly name: string | null;
  readonly lease_s: number | null | undefined;
  /** Gets no answer. */
  readonly ignore: boolean;
  readonly origin: Origin;
}

/** An option with the bytes a client gets. */
export interface DhcpOptionSetting {
  readonly version: 4 | 6;
  readonly code: number;
  /** Applies where all these tags hold. */
  readonly tags: readonly Tag[];
  readonly data: Uint8Array;
  /** IPv4 addresses of the data that stand for the server's own (0.0.0.0), by byte offset. */
  readonly own: readonly number[];
  /** Sent without being asked for. */
  readonly force: boolean;
  /** As it stood in the file, to be printed. */
  readonly text: string;
  readonly origin: Origin;
}

export interface DhcpLease {
  /** Epoch seconds; 0 is for ever. */
  readonly expires_s: number;
  /** null for DHCPv6, where the identity association stands in its place. */
  readonly mac: bigint | null;
  readonly association: string | null;
  readonly address: IpAddress;
  readonly name: string | null;
  readonly clientId: string | null;
  readonly origin: Origin;
}

/** What of a message sets a tag. */
export interface DhcpMatch {
  readonly kind: 'match' | 'userclass' | 'vendorclass' | 'mac';
  readonly set: string;
  readonly text: string;
  readonly origin: Origin;
}
