/** State, inputs and effects of the machine of one VRRP instance. Times in microseconds. */
import { type IpAddress } from '../../routing/types.ts';
import { type VirtualAddress, type VirtualRoute, type VirtualRule } from '../types.ts';
import { type Advert, type Discarded } from './advert.ts';
import { type InstanceSettings } from './settings.ts';

/** `init` waits for the first result of a script; `stopped` has no process. */
export type Role = 'stopped' | 'init' | 'backup' | 'master' | 'fault';

export interface InstanceState {
  readonly role: Role;
  /** A backup's master down timer, a master's advert timer; Infinity when neither runs. */
  readonly timer_us: number;
  /** The last advert of the master was its goodbye (priority 0). */
  readonly goodbyeHeard: boolean;
  /** Its addresses are on the interfaces; survives the process. */
  readonly holds: boolean;
  /** Interval of the master's adverts, learned in version 3. */
  readonly masterInterval_us: number;
  /** Until then adverts of lower rank are obeyed; null when no delay runs. */
  readonly preemptAt_us: number | null;
  /** Announcements still to come, soonest first; they outlive the role, and then say nothing. */
  readonly announcements: readonly Announcement[];
  /** The first advert after this time is followed by announcements; null without a refresh. */
  readonly refreshAt_us: number | null;
  /** Who sent the last advert that was obeyed, or ignored for its low rank. */
  readonly heardFrom: IpAddress | null;
  /** It owns the addresses, but heard another one that does: it makes do with 254. */
  readonly disputed: boolean;
  /** What it watches and has failed, as `kind name`. */
  readonly failed: readonly string[];
  /** Scripts that have not told anything yet, as `script name`. */
  readonly awaited: readonly string[];
}

/** A repeated announcement of all addresses. */
export interface Announcement {
  readonly at_us: number;
  readonly repeat: number;
}

export type Input =
  | { readonly kind: 'start' }
  /** Some timer may be due. */
  | { readonly kind: 'time' }
  | { readonly kind: 'advert'; readonly advert: Advert }
  /** SIGTERM, or the end of the parent process. */
  | { readonly kind: 'stop' }
  /** SIGKILL: nothing is tidied up. */
  | { readonly kind: 'kill' }
  /** SIGHUP with the settings that the file has now. */
  | { readonly kind: 'reload'; readonly settings: InstanceSettings }
  /** Something watched has changed; `name` as in the settings. */
  | {
      readonly kind: 'watched';
      readonly watch: 'interface' | 'script';
      readonly name: string;
      readonly failed: boolean;
    };

/** Why a role changed. */
export type Because =
  | { readonly kind: 'started' }
  /** No advert came in time. */
  | { readonly kind: 'silence'; readonly goodbye: boolean }
  | { readonly kind: 'owner' }
  | { readonly kind: 'higher-priority' | 'higher-address'; readonly advert: Advert }
  | { readonly kind: 'failed'; readonly what: string }
  | { readonly kind: 'recovered' }
  /** Another member of its sync group did so. */
  | { readonly kind: 'group'; readonly member: string }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'killed' };

export type Effect =
  | { readonly kind: 'advert'; readonly advert: Advert }
  | {
      readonly kind: 'role';
      readonly from: Role;
      readonly to: Role;
      readonly because: Because;
    }
  | { readonly kind: 'add-address' | 'remove-address'; readonly address: VirtualAddress }
  | { readonly kind: 'add-route' | 'remove-route'; readonly route: VirtualRoute }
  | { readonly kind: 'add-rule' | 'remove-rule'; readonly rule: VirtualRule }
  /** Gratuitous ARP, or unsolicited neighbour advertisements, so many of them in a row. */
  | { readonly kind: 'announce'; readonly address: VirtualAddress; readonly repeat: number }
  | { readonly kind: 'discard'; readonly advert: Advert; readonly because: Discarded };

/** What an input leads to: the next state, and what is done, in this order. */
export interface Moved {
  readonly state: InstanceState;
  readonly effects: readonly Effect[];
}
