/** How the kernel's record and the emulation are compared, and what is not compared. */
import { type Case, type KernelStep } from './case.ts';
import { type Played } from './run-case.ts';

/** The first difference of a step, or null. */
export function difference(truth: KernelStep, played: Played, fuzzyPorts: boolean): string | null {
  const say = (texts: readonly string[]): string => JSON.stringify([...texts].sort());
  const outWanted = say(
    truth.out.map((frame) => frame.map((x) => norm(x, fuzzyPorts)).join(' | ')),
  );
  const outSeen = say(played.out.map((frame) => frame.map((x) => norm(x, fuzzyPorts)).join(' | ')));
  if (outWanted !== outSeen) return `out\n  kernel  ${outWanted}\n  hopwise ${outSeen}`;
  const local = truth.local.filter(([, text]) => !text.startsWith('ip6') && !/ vxlan\d/.test(text));
  const localWanted = say(local.map((one) => one.map((x) => norm(x, fuzzyPorts)).join(' | ')));
  const localSeen = say(played.local.map((one) => one.map((x) => norm(x, fuzzyPorts)).join(' | ')));
  return localWanted === localSeen
    ? null
    : `local\n  kernel  ${localWanted}\n  hopwise ${localSeen}`;
}

/** Steps behind a command that changed the node cannot be played. */
export function lastPlayable({ packets }: Case): number {
  const at = packets.findIndex((step) => /append|replace|set|del/.test(step.exec ?? ''));
  return at < 0 ? packets.length : at;
}

/**
 * Not compared: ports and ids where the kernel picks them at random, the VXLAN source port, the
 * sequence numbers and options of the stack's own SYN-ACKs, checksums, and of quoted packets
 * what lies behind the ports.
 */
function norm(text: string, fuzzyPorts: boolean): string {
  let out = text.replaceAll(/ BADCSUM| BADIPCSUM/g, '');
  if (fuzzyPorts) out = out.replaceAll(/\b(tcp|udp|sctp) \d+>\d+|\bid\d+/g, 'PORTS');
  out = out.replaceAll(/udp \d+>(8472|4789) vxlan/g, 'udp *>$1 vxlan');
  out = out.replaceAll(/(frag\d+)\+/g, '$1');
  const brace = out.indexOf(' {');
  const head = brace < 0 ? out : out.slice(0, brace);
  const tail = brace < 0 || head.includes('vxlan') ? out.slice(head.length) : inner(out, brace);
  const own = /\[SA\]/.test(head) ? head.replace(/ seq\d+/, ' seq*').replace(/ mss\d+/, '') : head;
  return own + tail;
}

/** A quote within a quote is cut so short that the recorder could not read its ports. */
function inner(text: string, brace: number): string {
  return text
    .slice(brace)
    .replaceAll(/ \[[A-Z]*\]| seq\d+| ack\d+| mss\d+/g, '')
    .replace(/( \{.* \{ip \S+ ttl\d+).*$/, '$1');
}
