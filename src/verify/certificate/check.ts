/**
 * Checks a certificate by itself: boxes of plain numbers, nothing of what made them. It is short so
 * that a person can read it whole; `types.ts` says what is certified and what is not.
 */
import { type Certificate, type Location, type PacketBox, type Variable } from './types.ts';

type Boxes = readonly PacketBox[];
type Interval = readonly [number, number];

/** Why a certificate is not accepted, one sentence each; none when it is. */
export function checkCertificate(given: Certificate): readonly string[] {
  const wrong: string[] = [];
  const variables = new Map(given.variables.map((each) => [each.name, each]));
  const say = (at: Location | null, what: string): void => {
    wrong.push(at === null ? what : `location ${at.id} (${at.what}): ${what}`);
  };
  const boxes = (where: Location | null, all: Boxes): Boxes => {
    if (!all.every((box) => isBox(box, variables))) say(where, 'a box is none');
    if (overlapping(all)) say(where, 'boxes overlap');
    return all;
  };
  const known = new Set<number>();
  const coming = new Map<number, Boxes>();
  boxes(null, given.asked);
  if (variables.size !== given.variables.length) say(null, 'two variables have one name');
  for (const at of given.locations) {
    if (known.has(at.id)) say(at, 'its number is taken');
    known.add(at.id);
    for (const part of at.parts) {
      boxes(at, part.boxes);
      for (const next of part.to) {
        if (next <= at.id) say(at, `packets go back to location ${next}`);
        coming.set(next, [...(coming.get(next) ?? []), ...part.boxes]);
      }
    }
  }
  if (wrong.length > 0) return wrong;
  const beginning = given.locations.filter(({ id }) => !coming.has(id)).flatMap((at) => at.in);
  const same = (a: Boxes, b: Boxes): boolean => within(a, b, variables) && within(b, a, variables);
  if (!same(given.asked, beginning)) say(null, 'not every packet asked about begins, or others do');
  for (const id of coming.keys()) if (!known.has(id)) say(null, `there is no location ${id}`);
  for (const at of given.locations) {
    const from = coming.get(at.id);
    const parts = at.parts.flatMap((part) => part.boxes);
    boxes(at, at.in);
    const { host, device } = at.place;
    const elsewhere = host !== given.from.host || device !== given.from.device;
    if (from === undefined && elsewhere) say(at, 'packets begin here, and not at the source');
    if (from !== undefined && !same(at.in, from)) say(at, 'what comes in did not leave anywhere');
    if (overlapping(parts)) say(at, 'parts overlap');
    if (!same(at.in, parts)) say(at, 'what came in is not what went out, ended or was dropped');
    for (const problem of problemsAt(at, given)) say(at, problem);
  }
  return wrong;
}

function problemsAt(at: Location, { to }: Certificate): readonly string[] {
  const wrong: string[] = [];
  const { end, rule } = at;
  for (const part of at.parts) {
    if ((part.to.length === 0) !== (end !== null)) wrong.push('packets neither end nor go on');
  }
  const there = at.place.host === to.host && at.place.device === to.device;
  if (there && end?.kind === 'delivered') wrong.push('packets are delivered at the destination');
  // The stack took the packet; only no program listens.
  if (there && end?.kind === 'dropped' && end.reason === 'NOT_LISTENING') {
    wrong.push('packets get to the destination');
  }
  for (const [field, allowed] of rule === null ? [] : named(rule.text)) {
    const shown = rule?.shows[field];
    if (shown === undefined) continue;
    for (const box of at.in) {
      // The least and the greatest number that the bytes make together.
      const [low, high] = shown.reduce<Interval>(
        ([least, most], name) => {
          const [from, upTo] = box[name] ?? [0, 255];
          return [least * 256 + from, most * 256 + upTo];
        },
        [0, 0],
      );
      if (low < allowed[0] || high > allowed[1]) wrong.push(`its rule names another ${field}`);
    }
  }
  return wrong;
}

const NUMBERS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, tcp6: 6, udp6: 17 };

/** What a rule's text says of protocol and ports, where it says it plainly. */
function named(text: string): readonly (readonly [string, Interval])[] {
  const found: (readonly [string, Interval])[] = [];
  const match = text.split('actions=')[0] ?? '';
  const protocol = /(?:^| )-p (tcp|udp|icmp) |[ ,](tcp6?|udp6?|icmp)[, ]/.exec(match);
  const number = NUMBERS[protocol?.[1] ?? protocol?.[2] ?? ''];
  const plain = protocol !== null && !match.includes(`! ${protocol[0].trim()}`);
  if (number !== undefined && plain) found.push(['ip_proto', [number, number]]);
  for (const [all, side, low, high] of match.matchAll(
    /(.?.?)--[ds]port (\d+)(?::(\d+))?(?= |$)/g,
  )) {
    if (side === '! ') continue;
    const field = all.includes('--dport') ? 'tp_dst' : 'tp_src';
    found.push([field, [Number(low), Number(high ?? low)]]);
  }
  for (const [, field, value] of match.matchAll(/[ ,](tp_dst|tp_src)=(\d+)(?=[, ])/g)) {
    found.push([field ?? '', [Number(value), Number(value)]]);
  }
  return found;
}

function isBox(box: PacketBox, variables: ReadonlyMap<string, Variable>): boolean {
  return Object.entries(box).every(([name, [low, high]]) => {
    const of = variables.get(name);
    return of !== undefined && of.low <= low && low <= high && high <= of.high;
  });
}

/** Whether two boxes have a packet in common. */
function overlapping(all: Boxes): boolean {
  return all.some((a, i) => all.slice(i + 1).some((b) => meet(a, b)));
}

function meet(a: PacketBox, b: PacketBox): boolean {
  return Object.entries(a).every(([name, [low, high]]) => {
    const other = b[name];
    return other === undefined || (low <= other[1] && other[0] <= high);
  });
}

/** Whether every packet of `a` is in `b`: nothing is left once all of `b` was cut away. */
function within(a: Boxes, b: Boxes, variables: ReadonlyMap<string, Variable>): boolean {
  return a.every((box) => b.reduce((left, each) => cut(left, each, variables), [box]).length === 0);
}

function cut(all: PacketBox[], away: PacketBox, of: ReadonlyMap<string, Variable>): PacketBox[] {
  return all.flatMap((box) => {
    if (!meet(box, away)) return [box];
    const left: PacketBox[] = [];
    let rest = box;
    for (const [name, [low, high]] of Object.entries(away)) {
      const { low: least = 0, high: most = 0 } = of.get(name) ?? {};
      const [from, upTo] = rest[name] ?? [least, most];
      if (from < low) left.push({ ...rest, [name]: [from, low - 1] });
      if (high < upTo) left.push({ ...rest, [name]: [high + 1, upTo] });
      rest = { ...rest, [name]: [Math.max(from, low), Math.min(upTo, high)] };
    }
    return left;
  });
}
