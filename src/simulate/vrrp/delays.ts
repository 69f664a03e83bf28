/** How long things take that no timer of VRRP decides: links, busy hosts, processes. */

/** How long things take, in microseconds. */
export interface VrrpDelays {
  /** From the sender of an advert to who hears it. */
  readonly link_us: number;
  /** Timers that run out within this time of each other race. */
  readonly race_us: number;
  /** From the advert of a new master to its announcements; while it lasts nothing is read. */
  readonly takeover_us: number;
  /** The same on a busy host that loses a race. */
  readonly slowTakeover_us: number;
  /** Until keepalived's parent starts a killed child again. */
  readonly respawn_us: number;
}

export const USUAL_DELAYS: VrrpDelays = {
  link_us: 100,
  race_us: 1_000,
  takeover_us: 300,
  slowTakeover_us: 4_000,
  respawn_us: 33_000,
};
