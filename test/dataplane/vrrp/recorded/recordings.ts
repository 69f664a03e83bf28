/** What real keepalived routers did: logs of runs, and what was counted over all of them. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

export interface RouterDefaults {
  readonly priority?: number;
  readonly advert_int?: number;
  readonly version?: 2 | 3;
  readonly nopreempt?: boolean;
  readonly garp_master_delay?: number;
  readonly state?: 'MASTER' | 'BACKUP';
  readonly auth_pass?: string;
  readonly vrid?: number;
  readonly vip?: readonly string[];
  readonly evips?: readonly string[];
  readonly extra?: readonly string[];
  readonly lla?: boolean;
  readonly track_script?: boolean;
  readonly track_interval?: number;
}

export interface RecordedRouter extends RouterDefaults {
  readonly id: string;
  readonly ip: number;
}

export type RecordedEvent =
  | {
      readonly ev: 'action';
      readonly t: number;
      readonly action: string;
      readonly args: readonly [string, (string | RouterDefaults)?];
    }
  | {
      readonly ev: 'state' | 'log';
      readonly t: number;
      readonly router: string;
      readonly state: string;
    }
  | {
      readonly ev: 'advert';
      readonly t: number;
      readonly router: string;
      readonly ver: number;
      readonly vrid: number;
      readonly prio: number;
      readonly vips: number;
      readonly advInt: number | string;
    }
  | {
      readonly ev: 'addr';
      readonly t: number;
      readonly router: string;
      readonly op: 'add' | 'del';
      readonly dev: string;
      readonly addr: string;
    }
  | {
      readonly ev: 'garp';
      readonly t: number;
      readonly t1: number;
      readonly net: 'ha' | 'in';
      readonly mac: string;
      readonly ip: string;
      readonly n: number;
    }
  | {
      readonly ev: 'probeLoss';
      readonly t: number;
      readonly until: number;
      readonly packets: number;
    };

export interface Recording {
  readonly run: string;
  readonly routers: readonly RecordedRouter[];
  readonly default: RouterDefaults;
  readonly durationS: number;
  readonly events: readonly RecordedEvent[];
}

/** A takeover gap that was measured over all runs of a scenario. */
export interface TimerCheck {
  readonly scenario: string;
  readonly formula: 'skew' | '3*advert_int + skew';
  /** How often each router took over; `null` where the log does not tell. */
  readonly winners: Readonly<Record<string, number>>;
  readonly expectedS: number;
  readonly measuredS: { readonly min: number; readonly median: number; readonly max: number };
  readonly liveToleranceMs: readonly [number, number];
}

export type Sequences = readonly { readonly count: number; readonly sequence: readonly string[] }[];

const fixtures = resolve(import.meta.dirname, '../../../fixtures/vrrp');

function fixture<T>(name: string): T {
  return JSON.parse(gunzipSync(readFileSync(resolve(fixtures, name))).toString()) as T;
}

export const recordings = (): readonly Recording[] => fixture('runs.json.gz');
export const sequences = (): Readonly<Record<string, Sequences>> => fixture('index.json.gz');
export const timerChecks = (): { readonly timers: readonly TimerCheck[] } =>
  fixture('timers.json.gz');

/** `n_stop.3` is a run of `n_stop`. */
export function scenarioOf({ run }: Recording): string {
  return run.replace(/\.\d+$/, '');
}
