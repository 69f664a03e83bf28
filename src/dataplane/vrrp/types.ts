/**
 * The configuration of keepalived as its file states it (keepalived.conf(5)): VRRP instances,
 * what they track and what they own. `null` is "not stated"; `effective.ts` fills in defaults.
 */
import { type Origin } from '../../text/problem.ts';
import { type IpAddress, type Prefix } from '../routing/types.ts';

export interface Keepalived {
  readonly globals: GlobalDefinitions;
  readonly instances: readonly VrrpInstance[];
  readonly syncGroups: readonly SyncGroup[];
  readonly scripts: readonly VrrpScript[];
  /** Addresses and routes that stay, whoever is master. */
  readonly staticAddresses: readonly VirtualAddress[];
  readonly staticRoutes: readonly VirtualRoute[];
  readonly staticRules: readonly VirtualRule[];
  /** Blocks kept as text: virtual servers (IPVS), BFD, track files and processes, unknown words. */
  readonly others: readonly Statement[];
}

/** One statement as text: its words, and the block behind it. */
export interface Statement {
  readonly words: readonly string[];
  readonly block: readonly Statement[] | null;
  readonly origin: Origin;
}

/** `global_defs`, as far as it changes what VRRP does. Times in microseconds. */
export interface GlobalDefinitions {
  readonly routerId: string | null;
  readonly version: 2 | 3 | null;
  readonly multicastGroup4: IpAddress | null;
  readonly multicastGroup6: IpAddress | null;
  readonly defaultInterface: string | null;
  readonly garpMasterDelay_us: number | null;
  readonly garpMasterRepeat: number | null;
  readonly garpMasterRefresh_us: number | null;
  readonly garpMasterRefreshRepeat: number | null;
  readonly garpLowerPriorityDelay_us: number | null;
  readonly garpLowerPriorityRepeat: number | null;
  readonly garpInterval_us: number | null;
  readonly gnaInterval_us: number | null;
  readonly downTimerAdverts: number | null;
  readonly lowerPriorityNoAdvert: boolean | null;
  readonly higherPrioritySendAdvert: boolean | null;
  readonly checkUnicastSource: boolean | null;
  readonly skipCheckAdvertAddress: boolean | null;
  readonly strict: boolean | null;
  readonly startupDelay_us: number | null;
  /** Statements that do not change the protocol: mail, scripts, process names, buffers. */
  readonly others: readonly Statement[];
}

export interface VrrpInstance {
  readonly name: string;
  readonly origin: Origin;
  readonly version: 2 | 3 | null;
  /** `state`: what it starts as. */
  readonly initialState: 'MASTER' | 'BACKUP' | null;
  readonly interface: string | null;
  /** 1 to 255; null when the statement is missing or wrong. */
  readonly virtualRouterId: number | null;
  readonly priority: number | null;
  readonly advertInterval_us: number | null;
  readonly preempt: boolean | null;
  readonly preemptDelay_us: number | null;
  readonly authentication: Authentication | null;
  readonly downTimerAdverts: number | null;
  readonly garpMasterDelay_us: number | null;
  readonly garpMasterRepeat: number | null;
  readonly garpMasterRefresh_us: number | null;
  readonly garpMasterRefreshRepeat: number | null;
  readonly garpLowerPriorityDelay_us: number | null;
  readonly garpLowerPriorityRepeat: number | null;
  readonly lowerPriorityNoAdvert: boolean | null;
  readonly higherPrioritySendAdvert: boolean | null;
  readonly checkUnicastSource: boolean | null;
  readonly skipCheckAdvertAddress: boolean | null;
  readonly strict: boolean | null;
  readonly accept: boolean | null;
  readonly nativeIpv6: boolean | null;
  readonly dontTrackPrimary: boolean | null;
  readonly trackSource: boolean | null;
  /** Source of adverts by multicast, and by unicast. */
  readonly multicastSource: IpAddress | null;
  readonly multicastDestination: IpAddress | null;
  readonly unicastSource: IpAddress | null;
  readonly unicastPeers: readonly IpAddress[];
  readonly unicastTtl: number | null;
  /** `use_vmac`: a virtual MAC on a macvlan device; the device's name, '' when none is stated. */
  readonly virtualMac: string | null;
  readonly vmacTransmitBase: boolean | null;
  readonly trackInterfaces: readonly Tracked[];
  readonly trackScripts: readonly Tracked[];
  readonly trackFiles: readonly Tracked[];
  readonly trackProcesses: readonly Tracked[];
  /** Carried in adverts: at most twenty fit. */
  readonly addresses: readonly VirtualAddress[];
  readonly excludedAddresses: readonly VirtualAddress[];
  readonly routes: readonly VirtualRoute[];
  readonly rules: readonly VirtualRule[];
  /** Statements that do not change the protocol: notify scripts, alerts; and unknown ones. */
  readonly others: readonly Statement[];
}

/** RFC 2338 §5.3.6; only the first eight characters count. */
export interface Authentication {
  readonly type: 'PASS' | 'AH';
  readonly password: string;
}

/** What an instance watches: an interface, script, file or process by name. */
export interface Tracked {
  readonly name: string;
  /** null takes the weight of what is tracked; 0 means FAULT when it fails. */
  readonly weight: number | null;
  readonly reverse: boolean;
}

/** What is added to the priority; `reverse` subtracts it. */
export interface Weight {
  readonly value: number;
  readonly reverse: boolean;
}

/** An address an instance takes when it becomes master. */
export interface VirtualAddress {
  readonly address: IpAddress;
  readonly length: number;
  readonly device: string | null;
  readonly scope: string | null;
  /** Further words of `ip address add`, in their order: `label`, `brd`, `peer`, `-nodad`… */
  readonly attributes: readonly Attribute[];
  /** Its loss does not make the instance leave the master state. */
  readonly noTrack: boolean;
  readonly origin: Origin;
}

/** A word of a statement with its value; null for a flag. */
export interface Attribute {
  readonly name: string;
  readonly value: string | null;
}

/** A route an instance sets when it becomes master, in the words of `ip route add`. */
export interface VirtualRoute {
  /** `unicast`, `blackhole`, `unreachable`… */
  readonly type: string;
  /** null is the default route. */
  readonly to: Prefix | null;
  readonly version: 4 | 6;
  readonly hops: readonly VirtualRouteHop[];
  readonly source: IpAddress | null;
  readonly table: string | null;
  readonly metric: number | null;
  readonly scope: string | null;
  readonly protocol: string | null;
  readonly attributes: readonly Attribute[];
  readonly noTrack: boolean;
  readonly origin: Origin;
}

export interface VirtualRouteHop {
  readonly gateway: IpAddress | null;
  readonly device: string | null;
  readonly weight: number | null;
  readonly onLink: boolean;
}

/** A policy rule an instance sets when it becomes master, in the words of `ip rule add`. */
export interface VirtualRule {
  readonly attributes: readonly Attribute[];
  readonly noTrack: boolean;
  readonly origin: Origin;
}

/** Instances that change their state together. */
export interface SyncGroup {
  readonly name: string;
  readonly members: readonly string[];
  readonly trackInterfaces: readonly Tracked[];
  readonly trackScripts: readonly Tracked[];
  readonly origin: Origin;
  readonly others: readonly Statement[];
}

/** A command run in an interval; its exit code counts. */
export interface VrrpScript {
  readonly name: string;
  readonly command: readonly string[];
  readonly interval_us: number | null;
  readonly timeout_us: number | null;
  /** null is 0: a failing script means FAULT. */
  readonly weight: Weight | null;
  /** Successes and failures in a row until the state changes. */
  readonly rise: number | null;
  readonly fall: number | null;
  readonly initiallyFailed: boolean | null;
  readonly origin: Origin;
  readonly others: readonly Statement[];
}
