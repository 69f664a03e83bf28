import { describe, expect, it } from 'vitest';
import { type KernelCase, type KernelStep, type Step } from './case.ts';
import { difference } from './compare.ts';
import { FOLDER, IS_COMPLETE, profiles, readProfile } from './golden.ts';
import { hooksFor, type Matched } from './netfilter-of.ts';
import { type Played, playCase } from './run-case.ts';

/**
 * Cases that differ and why. Everything else must be equal: frames, deliveries, and the list of
 * rules that the kernel matched.
 */
const KNOWN: Readonly<Record<string, string>> = {
  'bridge-fdb': 'INPUT behind a bridge does not know the port the frame came in by',
  'exp-bridge-ageing': 'ageing of learned addresses',
  'exp-expect-ftp': 'the FTP helper reads the payload',
  'exp-mtu-bridge-vxlan': 'VXLAN answers in the name of the destination',
  'exp-vxlan-no-entry': 'a VXLAN entry that a command adds during the case',
  'icmp-related-mtu': 'a path MTU learned from an ICMP error',
  'l3-2026-18': 'the source of an answer to an own floating address',
  'nat-2026-0': 'an ICMP error about a packet refused in OUTPUT belongs to its connection',
  'nat-2026-34': 'an interface set asked about a reset in OUTPUT',
  targets: 'TCPMSS writes an option that no field shows',
  'routing-2026-34': 'the status of a connection whose only answer is a reset',
};

/** Corrupt packets and fragments are not modelled: from then on the kernel knows more. */
function beyondModel(step: Step): boolean {
  const { ip } = step;
  const fragment = step.cut ?? ip?.mf ?? ip?.frag;
  return (
    step.badcsum === true || step.badipcsum === true || (fragment !== undefined && fragment !== 0)
  );
}

/** An answer to a port that the kernel chose by chance and we chose otherwise, or to SCTP. */
function otherPort(one: KernelCase, played: readonly Played[], step: Step): boolean {
  const to = step.reply_to ?? step.error_to;
  // The recorder answers SCTP with a wrong verification tag, which only a chunk would show.
  if (to !== undefined && one.case.packets[to]?.sctp !== undefined) return true;
  if (to === undefined || one.case.fuzzy_ports !== true) return false;
  const say = (outs: KernelStep['out'] | undefined): string =>
    JSON.stringify([...(outs ?? [])].map((out) => out.join(' ')).sort());
  return say(one.kernel.packets[to]?.out) !== say(played[to]?.out) || chain(one, played, to);
}

function chain(one: KernelCase, played: readonly Played[], to: number): boolean {
  const step = one.case.packets[to];
  return step !== undefined && otherPort(one, played, step);
}

type Lists = Record<string, readonly string[]>;

function kernelRules(step: KernelStep): Lists {
  const lists: Record<string, string[]> = {};
  for (const [node, entries] of Object.entries(step.trace ?? {})) {
    const rules = entries.filter(
      ([table, , what]) => table !== 'LOG' && !`${table}`.includes(' ') && what !== 'end',
    );
    if (rules.length > 0) lists[node] = rules.map((entry) => entry.slice(0, 4).join(' '));
  }
  return lists;
}

function ourRules(matched: readonly Matched[]): Lists {
  const lists: Record<string, string[]> = {};
  for (const { node, entry } of matched) {
    if (entry[2] === 'end') continue;
    const list = lists[node] ?? [];
    lists[node] = list;
    list.push(entry.join(' '));
  }
  return lists;
}

/** Copies of a flooded or answered packet may take turns; within one step the order is theirs. */
function sorted(lists: Lists): string {
  const nodes = Object.entries(lists).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(nodes.map(([node, list]) => [node, [...list].sort()]));
}

/** Steps judged, steps whose order of rules is the kernel's as well, and the first difference. */
function judge(one: KernelCase): { judged: number; inOrder: number; why: string | null } {
  const matched: Matched[] = [];
  const unknown: string[] = [];
  const begins: { rules: number; unknown: number }[] = [];
  const truth = one.kernel.packets;
  // The steps are told apart by how much was matched when each began.
  const packets = one.case.packets.map((step, i) => {
    const told = { ...step };
    Object.defineProperty(told, 'wait', {
      get: () => {
        begins[i] ??= { rules: matched.length, unknown: unknown.length };
        return step.wait;
      },
    });
    return told;
  });
  const played = playCase({ ...one.case, packets }, truth, hooksFor(one.case, matched, unknown));
  let judged = 0;
  let inOrder = 0;
  for (const [i, step] of one.case.packets.entries()) {
    const end = begins[i + 1] ?? { rules: matched.length, unknown: unknown.length };
    if (beyondModel(step) || end.unknown > 0 || otherPort(one, played, step)) break;
    const wanted = truth[i];
    const seen = played[i];
    if (wanted === undefined || seen === undefined) break;
    judged++;
    const ours = ourRules(matched.slice(begins[i]?.rules ?? 0, end.rules));
    const kernel = kernelRules(wanted);
    const frames = difference(wanted, seen, one.case.fuzzy_ports === true);
    if (frames !== null) return { judged, inOrder, why: `step ${i}: ${frames}` };
    if (sorted(ours) !== sorted(kernel)) {
      const rules = `kernel  ${JSON.stringify(kernel)}\nhopwise ${JSON.stringify(ours)}`;
      return { judged, inOrder, why: `step ${i}: rules\n${rules}` };
    }
    if (JSON.stringify(ours) === JSON.stringify(kernel)) inOrder++;
  }
  return { judged, inOrder, why: null };
}

describe(`the rules that packets match (${IS_COMPLETE ? 'all cases' : FOLDER})`, () => {
  it.each(profiles())('are those of the Linux kernel: %s', (name) => {
    let judged = 0;
    let inOrder = 0;
    const differ: string[] = [];
    for (const one of readProfile(name)) {
      const result = judge(one);
      judged += result.judged;
      inOrder += result.inOrder;
      if (result.why !== null && KNOWN[one.case.id] === undefined) {
        differ.push(`${one.case.id} ${result.why}`);
      }
    }
    expect(differ).toEqual([]);
    expect(judged).toBeGreaterThan(20);
    // Floods and answers aside, the order is the kernel's too.
    expect(inOrder / judged).toBeGreaterThan(0.7);
  });
});
