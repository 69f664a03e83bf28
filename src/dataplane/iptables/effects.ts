/**
 * What targets that go on do to a packet: marks, header fields. Each says which fields it
 * writes, so that a chain is cut where a later rule reads them (chain.ts).
 */
import { type Field } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { type Assignment, assignment } from '../../traffic/words.ts';
import { bit, F } from './fields.ts';
import { type KnownTarget } from './text/target-rows.ts';
import { type Target } from './types.ts';

type Of<K extends KnownTarget['kind']> = Extract<KnownTarget, { kind: K }>;

/** Changes traffic. */
export type Effect = <P>(traffic: Traffic<P>, p: P) => P;

/** Fields that a target may write, jumps not followed. */
export function writesOf(target: Target): readonly Field[] {
  switch (target.kind) {
    case 'MARK':
    case 'HMARK':
    case 'TPROXY':
      return [F.mark];
    case 'CONNMARK':
      return target.options.restore === undefined ? [F.ctMark] : [F.mark];
    case 'CT':
    case 'NOTRACK':
      return [F.ctState, F.ctZone];
    case 'DSCP':
    case 'TOS':
      return [F.tos, F.dscp, F.ecn];
    case 'TTL':
    case 'HL':
      return [F.ttl];
    case 'ECN':
      return [F.tcpFlags];
    case 'TCPMSS':
      return [F.length];
    case 'SET':
    case 'SNPT':
      return [F.source[4], F.source[6]];
    case 'DNPT':
      return [F.destination[4], F.destination[6]];
    default:
      return [];
  }
}

const nothing: Effect = (_, p) => p;

/**
 * The effect of a target on fields. null where there is none that this project computes; the
 * caller then says so.
 */
export function effectOf(target: KnownTarget, version: 4 | 6): Effect | null {
  switch (target.kind) {
    case 'MARK':
      return setMark(F.mark, target.options.setXmark?.value);
    case 'CONNMARK':
      return connectionMark(target);
    case 'DSCP':
      return constant(assignment(F.dscp, BigInt(target.options.dscp?.value ?? 0)));
    case 'TOS':
      return setMark(F.tos, target.options.tos?.value);
    case 'TTL':
    case 'HL':
      return timeToLive(target);
    case 'ECN':
      return constant(assignment(F.tcpFlags, 0n, 0xc0n));
    case 'SNPT':
    case 'DNPT':
      return prefixTranslation(target, version);
    // They record, count, or change nothing that decides a packet's way.
    case 'LOG':
    case 'NFLOG':
    case 'ULOG':
    case 'TRACE':
    case 'AUDIT':
    case 'CHECKSUM':
    case 'CLASSIFY':
    case 'IDLETIMER':
    case 'RATEEST':
    case 'LED':
    case 'TEE':
    case 'SECMARK':
    case 'CONNSECMARK':
      return nothing;
    default:
      return null;
  }
}

function constant(write: Assignment): Effect {
  return (traffic, p) => traffic.set(p, write);
}

/** (field & ~mask) ^ value, bit by bit where a bit is flipped (xt_mark.c mark_tg()). */
function setMark(of: Field, xmark: { value: number; mask: number } | undefined): Effect {
  if (xmark === undefined) return nothing;
  const { value, mask } = xmark;
  const write = assignment(of, BigInt(value >>> 0), BigInt(mask >>> 0));
  const flips = bitsOf((value & ~mask) >>> 0).map((one) => flip(of, one));
  return (traffic, p) => {
    let out = mask === 0 ? p : traffic.set(p, write);
    for (const each of flips) out = each(traffic, out);
    return out;
  };
}

function bitsOf(mask: number): readonly number[] {
  return Array.from({ length: 32 }, (_, i) => i).filter((i) => ((mask >>> i) & 1) === 1);
}

/**
 * Turns one bit over. `Traffic` has no such operation: adding the bit to a field of that one
 * bit, modulo its width, does it.
 */
function flip(of: Field, index: number): Effect {
  const one: Field = { ...of, width: 1, ...place(of, index) };
  return (traffic, p) => traffic.add(p, one, 1);
}

function place(of: Field, index: number): { readonly shift: number; readonly word: number } {
  return { shift: of.shift + index, word: of.word };
}

/** xt_connmark.c connmark_tg_shift() without shifts: set, save, restore. */
function connectionMark({ options }: Of<'CONNMARK'>): Effect {
  const { setXmark, save, restore, nfmask, ctmask } = options;
  if (setXmark !== undefined) return setMark(F.ctMark, setXmark.value);
  const packet = nfmask?.value ?? 0xffff_ffff;
  const connection = ctmask?.value ?? 0xffff_ffff;
  if (save !== undefined) return transfer(F.ctMark, connection, F.mark, packet);
  if (restore !== undefined) return transfer(F.mark, packet, F.ctMark, connection);
  return nothing;
}

/** to = (to & ~toMask) ^ (from & fromMask). */
function transfer(to: Field, toMask: number, from: Field, fromMask: number): Effect {
  const runs = runsOf((toMask & fromMask) >>> 0);
  const clear = assignment(to, 0n, BigInt((toMask & ~fromMask) >>> 0));
  const flips = bitsOf((fromMask & ~toMask) >>> 0).map((index) => ({
    is: guard(bit(from, 2 ** index)),
    turn: flip(to, index),
  }));
  return (traffic, p) => {
    let out = (toMask & ~fromMask) === 0 ? p : traffic.set(p, clear);
    for (const { start, width } of runs) {
      out = traffic.copy(out, { field: to, start, width }, out, { field: from, start, width });
    }
    for (const { is, turn } of flips) {
      const { hit, miss } = traffic.split(out, is);
      const parts = [hit === null ? null : turn(traffic, hit), miss];
      out = traffic.join(parts.filter((part) => part !== null))[0] ?? out;
    }
    return out;
  };
}

/** Runs of ones of a mask. */
function runsOf(mask: number): readonly { readonly start: number; readonly width: number }[] {
  const runs: { start: number; width: number }[] = [];
  for (const index of bitsOf(mask)) {
    const last = runs.at(-1);
    if (last !== undefined && last.start + last.width === index) last.width++;
    else runs.push({ start: index, width: 1 });
  }
  return runs;
}

/** xt_HL.c ttl_tg(): counting stops at 0 and at 255. */
function timeToLive({ options }: Of<'TTL' | 'HL'>): Effect {
  const { set, inc, dec } = options;
  if (set !== undefined) return constant(assignment(F.ttl, BigInt(set.value)));
  const delta = (inc?.value ?? 0) - (dec?.value ?? 0);
  if (delta === 0) return nothing;
  const edge = delta > 0 ? 255 : 0;
  const near = guard({
    kind: 'within',
    field: F.ttl,
    ranges: [
      delta > 0 ? { from: BigInt(255 - delta), to: 255n } : { from: 0n, to: BigInt(-delta) },
    ],
  });
  const stop = assignment(F.ttl, BigInt(edge));
  return (traffic, p) => {
    const { hit, miss } = traffic.split(p, near);
    const parts = [
      hit === null ? null : traffic.set(hit, stop),
      miss === null ? null : traffic.add(miss, F.ttl, delta),
    ];
    return traffic.join(parts.filter((part) => part !== null))[0] ?? p;
  };
}

/**
 * Simplification: RFC 6296 also adjusts a word of the address so that the checksum stays; only
 * the prefix is written here, so that host parts below it may differ from the wire.
 */
function prefixTranslation({ kind, options }: Of<'SNPT' | 'DNPT'>, version: 4 | 6): Effect {
  const to = options.destination?.value;
  if (to === undefined || version === 4) return nothing;
  const of = kind === 'SNPT' ? F.source[6] : F.destination[6];
  return constant(assignment(of, to.value, to.mask));
}
