/**
 * Sends probes over live hosts and compares what became of them with the prediction. What does not
 * arrive is sent anew before anybody believes it; what arrives and must not is believed at once.
 */
import { randomBytes } from 'node:crypto';
import { toHex } from '../../packet/wire/bytes.ts';
import { type Connections } from '../../snapshot/collect/gather.ts';
import { type ClassChange } from '../probes/choose.ts';
import {
  arrivedOtherwise,
  type Probe,
  probeName,
  type Readied,
  type Seat,
  type Shot,
  shot,
} from '../probes/probe.ts';
import { hearScript, listenScript, PROBE_EXIT, sendScript } from '../probes/scripts.ts';

/** What became of some probes. */
export interface Probed {
  readonly sent: number;
  /** Sentences about what was not as predicted. */
  readonly wrong: readonly string[];
  /** Sentences about what could not be told. */
  readonly untold: readonly string[];
}

/** Probes of one run. */
export interface LiveProbes {
  /** Of what passes now and shall pass on; those that do not are left out from then on. */
  before(): Promise<Probed>;
  /** The same while the run is on its way. */
  between(): Promise<Probed>;
  /** All. */
  end(): Promise<Probed>;
}

const ROUNDS = 3;
const COMMAND_MS = 60_000;
/** How long something that must arrive may take. */
const ARRIVAL_MS = 4000;
/** How long it is listened for what must not. */
const SILENCE_MS = 700;

/** @param wishes `steady`: what passes before and behind the plan also passes all the time */
export function liveProbes(
  wishes: Readied & { readonly steady: boolean },
  connections: Connections,
): LiveProbes {
  const { probes, steady } = wishes;
  const left = new Set<Probe>();
  const of = (...changes: readonly ClassChange[]): readonly Probe[] =>
    probes.filter((one) => changes.includes(one.change) && !left.has(one));
  return {
    before: async () => {
      const { results, untold } = await send(of('kept'), connections);
      const wrong = [...results].filter(([, result]) => result !== null);
      for (const [probe] of wrong) left.add(probe);
      const told = wrong.map(([probe, result]) => `${probeName(probe)} ${result} before the plan`);
      return { sent: results.size, wrong: [], untold: [...told, ...untold, ...wishes.left] };
    },
    between: async () => sentences(await send(steady ? of('kept') : [], connections)),
    end: async () => sentences(await send(of('opened', 'closed', 'kept', 'never'), connections)),
  };
}

/** What was not as predicted of each probe; null: nothing. */
interface Sent {
  readonly results: ReadonlyMap<Probe, string | null>;
  readonly untold: readonly string[];
}

function sentences({ results, untold }: Sent): Probed {
  const wrong = [...results].flatMap(([probe, result]) =>
    result === null ? [] : [`${probeName(probe)} ${result}`],
  );
  return { sent: results.size, wrong, untold };
}

async function send(all: readonly Probe[], connections: Connections): Promise<Sent> {
  const results = new Map<Probe, string | null>();
  const untold: string[] = [];
  let open = all;
  for (let round = 0; round < ROUNDS && open.length > 0; round++) {
    const heard = await once(open, connections, round === 0);
    if (typeof heard === 'string') return { results, untold: [...untold, heard] };
    const again: Probe[] = [];
    for (const [probe, { result, silent }] of heard) {
      if (result === MISSING && silent && round > 0) {
        // Who does not answer for its own address cannot be found by a router either.
        untold.push(`${probeName(probe)}: ${probe.to} does not answer for its address`);
        results.delete(probe);
        continue;
      }
      results.set(probe, result);
      if (result === MISSING) again.push(probe);
    }
    open = again;
  }
  return { results, untold };
}

const MISSING = 'does not arrive';

interface Heard {
  readonly result: string | null;
  /** Its receiver does not answer for its own address. */
  readonly silent: boolean;
}

/** Sends each probe once; a sentence when hosts do not let themselves be probed. */
async function once(
  probes: readonly Probe[],
  connections: Connections,
  first: boolean,
): Promise<ReadonlyMap<Probe, Heard> | string> {
  const id = randomBytes(8).toString('hex');
  const shots = probes.map((probe) => shot(probe, randomBytes(16)));
  const receivers = grouped(shots, ({ probe }) => probe.receiver.host);
  const senders = grouped(shots, ({ probe }) => probe.sender.host);
  const run = (host: string, script: string) => connections.of(host).run(script, COMMAND_MS);
  const started = await Promise.all(
    [...receivers].map(async ([host, own]) => {
      const marks = own.map(({ mark }) => toHex(mark));
      const { code, err } = await run(host, listenScript(id, seatsOf(own), marks));
      if (code === 0) return null;
      return code === PROBE_EXIT.noPerl
        ? `${host} has no perl, and is not probed`
        : `${host} cannot be listened at: ${err.trim()}`;
    }),
  );
  const deaf = started.find((each) => each !== null);
  const sent = await Promise.all(
    (deaf === undefined ? [...senders] : []).map(async ([host, own]) => {
      const frames = own.map(({ probe, bytes }) => ({ seat: probe.sender, hex: toHex(bytes) }));
      const { code, err } = await run(host, sendScript(frames));
      return code === 0 ? null : `${host} cannot send: ${err.trim().slice(0, 200)}`;
    }),
  );
  const failed = deaf ?? sent.find((each) => each !== null);
  const texts = await Promise.all(
    [...receivers].map(async ([host, own]) => {
      const expected = own.filter(({ probe }) => probe.arrives).length;
      const quiet = own.length > expected && first ? SILENCE_MS : 0;
      const wait = failed === undefined ? ARRIVAL_MS : 0;
      const { out } = await run(host, hearScript(id, expected, wait, quiet));
      return [host, out.toString()] as const;
    }),
  );
  if (failed != null) return failed;
  const heard = new Map(texts);
  return new Map(
    shots.map((one) => [one.probe, heardOf(one, heard.get(one.probe.receiver.host) ?? '')]),
  );
}

function heardOf({ probe, mark }: Shot, text: string): Heard {
  const { tap, address } = probe.receiver;
  const lines = text.split('\n').map((line) => line.split(' '));
  const found = lines.find(
    ([what, where, which]) => what === 'heard' && where === tap && which === toHex(mark),
  );
  const silent =
    address !== null && !lines.some(([what, where]) => what === 'alive' && where === tap);
  if (found === undefined) return { result: probe.arrives ? MISSING : null, silent };
  if (!probe.arrives) return { result: 'arrives', silent };
  const bytes = Uint8Array.from(Buffer.from(found[3] ?? '', 'hex'));
  const otherwise = arrivedOtherwise(probe, bytes);
  return { result: otherwise === null ? null : `arrives ${otherwise}`, silent };
}

function grouped(shots: readonly Shot[], of: (one: Shot) => string): ReadonlyMap<string, Shot[]> {
  const groups = new Map<string, Shot[]>();
  for (const one of shots) groups.set(of(one), [...(groups.get(of(one)) ?? []), one]);
  return groups;
}

function seatsOf(shots: readonly Shot[]): readonly Seat[] {
  return [...new Map(shots.map(({ probe: { receiver } }) => [receiver.tap, receiver])).values()];
}
