/** How the kernel's record and the emulation are compared, and what is not compared. */
import { type Case, type KernelConnection, type KernelStep } from './case.ts';
import { type Played } from './lab.ts';

/** The first step of a case that differs, as text; null when all steps are alike. */
export function firstDifference(
  one: Case,
  truth: readonly KernelStep[],
  played: readonly Played[],
): string | null {
  for (const [i, step] of truth.entries()) {
    const seen = played[i];
    const found = seen && difference(step, seen);
    if (found) return `${one.id} step ${i} ${JSON.stringify(one.packets[i])}: ${found}`;
  }
  return null;
}

/** The first difference of a step, or null. */
export function difference(truth: KernelStep, played: Played): string | null {
  if (truth.skip === true) return null;
  return (
    differs('out', truth.out.map(line), played.out.map(line), true) ??
    differs('local', truth.local.map(line), played.local.map(line), true) ??
    rules(truth, played) ??
    differs('err', [truth.err ?? ''], [played.err ?? ''], false) ??
    (truth.ct === undefined
      ? null
      : differs('ct', truth.ct.map(entry), (played.ct ?? []).map(entry), true)) ??
    (truth.ct === undefined ? null : timeouts(truth.ct, played.ct ?? [])) ??
    (truth.expect === undefined
      ? null
      : differs(
          'expect',
          truth.expect.map(({ master, tuple }) => JSON.stringify({ master, tuple: sorted(tuple) })),
          (played.expect ?? []).map(({ master, tuple }) =>
            JSON.stringify({ master, tuple: sorted(tuple) }),
          ),
          true,
        )) ??
    (truth.stdout === undefined || truth.stdout === ''
      ? null
      : differs('stdout', [truth.stdout], [played.stdout ?? ''], false))
  );
}

function differs(
  what: string,
  kernel: readonly string[],
  ours: readonly string[],
  anyOrder: boolean,
): string | null {
  const say = (texts: readonly string[]): string =>
    (anyOrder ? [...texts].sort() : texts).map((text) => `\n      ${text}`).join('');
  const [wanted, seen] = [say(kernel), say(ours)];
  return wanted === seen ? null : `${what}\n    kernel${wanted}\n    hopwise${seen}`;
}

/** Every rule, policy and end of a chain in the order the kernel came by them, node by node. */
function rules(truth: KernelStep, played: Played): string | null {
  const nodes = new Set([...Object.keys(truth.trace ?? {}), ...Object.keys(played.trace)]);
  for (const node of nodes) {
    const kernel = (truth.trace?.[node] ?? [])
      .filter(([table]) => table !== 'LOG' && !`${table}`.includes(' '))
      .map((one) => one.join(' '));
    const ours = (played.trace[node] ?? []).map((one) => one.join(' '));
    const found = differs(`rules of ${node}`, kernel, ours, false);
    if (found !== null) return found;
  }
  return null;
}

/**
 * Not compared: the source port of VXLAN, which is a hash with a seed of each boot, and the
 * sequence numbers that the host's own TCP picks. SYN-ACKs and resets of REJECT that stay within
 * the host have no checksum yet.
 */
const OWN_TCP = /\[SA\]|DF tcp \S+ \[RA?\]/;
/** The same of IPv6, of which the recorder shows the bytes: everything in front of the checksum. */
const OWN_RESET_6 = /^(ip6 from \S+ [0-9a-f]{24}50[01]4[0-9a-f]{4})[0-9a-f]{4}/;

function line(parts: readonly string[]): string {
  return parts
    .map((text) => text.replaceAll(/udp \d+>(8472|4789) vxlan/g, 'udp *>$1 vxlan'))
    .map((text) => text.replace(/(\[SA\]) seq\d+/, '$1 seq*'))
    .map((text) => (OWN_TCP.test(text) ? text.replace(' BADCSUM', '') : text))
    .map((text) => text.replace(OWN_RESET_6, '$1****'))
    .join(' | ');
}

function sorted(given: object): object {
  return Object.fromEntries(Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function entry({ timeout, ...rest }: KernelConnection): string {
  const tuples = { orig: sorted(rest.orig), reply: sorted(rest.reply) };
  const master = rest.master === undefined ? {} : { master: sorted(rest.master) };
  return JSON.stringify(sorted({ ...rest, ...tuples, ...master }));
}

/** The recorder needs some time of its own between two steps. */
const TOLERANCE_S = 3;

function timeouts(
  truth: readonly KernelConnection[],
  played: readonly KernelConnection[],
): string | null {
  for (const one of truth) {
    const ours = played.find((other) => entry(other) === entry(one));
    if (ours !== undefined && Math.abs(ours.timeout - one.timeout) > TOLERANCE_S) {
      return `timeout\n    kernel ${one.timeout}\n    hopwise ${ours.timeout}\n    ${entry(one)}`;
    }
  }
  return null;
}
