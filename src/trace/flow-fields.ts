/**
 * Header fields of a question's own choice, in the syntax of `ovs-appctl ofproto/trace`: what the
 * sender puts into its packet, and what it writes on the frames around it.
 */
import { parseTraceFlow } from '../dataplane/ovs/text/trace-flow.ts';
import { type FieldTest } from '../dataplane/ovs/types/flow.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { type Field, field } from '../packet/fields.ts';
import { type Parsed, type Problem } from '../text/problem.ts';
import { onePacket } from '../traffic/one-packet.ts';
import { blankPacket, type Packet } from '../traffic/packet.ts';
import { assignment, readField } from '../traffic/words.ts';

/** Fields read from flow syntax, by when they are written. */
export interface FlowFields {
  /** As it was given. */
  readonly text: string;
  /** Of the IP packet: written before the sender's stack routes it. */
  readonly inner: readonly FieldTest[];
  /** Of the frame: MAC addresses and VLAN tag, written as it leaves the sender. */
  readonly frame: readonly FieldTest[];
  readonly version: 4 | 6 | null;
  /** IP protocol number. */
  readonly protocol: number | null;
  readonly source: IpAddress | null;
  readonly destination: IpAddress | null;
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
}

const FRAME: ReadonlySet<string> = new Set([
  'eth_src',
  'eth_dst',
  'vlan_tci',
  'vlan_vid',
  'vlan_pcp',
]);
/** Where a protocol was asked for apart from the fields, it stands in front of them. */
export type Shorthand = 'icmp' | 'tcp' | 'udp' | 'icmp6' | 'tcp6' | 'udp6';

/**
 * Reads the fields; problems have the column of the word.
 * @param shorthand the protocol that was asked for otherwise; the text need not repeat it.
 */
export function parseFlowFields(
  text: string,
  shorthand: Shorthand | null = null,
): Parsed<FlowFields | null> {
  const { value: tests, problems } = parsed(text, shorthand);
  const refused = tests.flatMap((one) => refusal(text, one));
  if (problems.length + refused.length > 0) {
    return { value: null, problems: [...problems, ...refused] };
  }
  return { value: sorted(text, tests), problems };
}

/** As it stands, else behind the protocol that was asked for, else with that protocol's ports. */
function parsed(text: string, shorthand: Shorthand | null): Parsed<readonly FieldTest[]> {
  const plain = parseTraceFlow(text, FILE);
  const named = plain.value.some(({ field: { name } }) => name === 'eth_type');
  const prefix = shorthand === null || named ? '' : `${shorthand},`;
  const whole = prefix === '' ? plain : parseTraceFlow(prefix + text, FILE);
  if (whole.problems.length === 0) return whole;
  // ovs-ofctl takes tp_dst for every protocol, ofproto/trace for TCP alone.
  const protocol = /(?:^|,)\s*(udp6?|sctp6?)\b/.exec(prefix + text)?.[1]?.replace('6', '');
  if (protocol !== undefined) {
    const own = parseTraceFlow(
      (prefix + text).replaceAll(/\btp_(?=src|dst)/g, `${protocol}_`),
      FILE,
    );
    if (own.problems.length === 0) return own;
  }
  const shifted = whole.problems.map((one) => ({ ...one, column: one.column - prefix.length }));
  return { value: whole.value, problems: shifted };
}

const FILE = '--flow';

function sorted(text: string, tests: readonly FieldTest[]): FlowFields {
  const p = blankPacket();
  for (const { field: of, value, mask } of tests) onePacket.set(p, assignment(of, value, mask));
  // A field that was set to zero reads like one that was not set, as in the switch.
  const value = (name: string): bigint | null => readField(p.words, field(name)) || null;
  const number = (name: string): number | null => {
    const found = value(name);
    return found === null ? null : Number(found);
  };
  const address = (end: 'src' | 'dst'): IpAddress | null => {
    const [four, six] = [value(`ip_${end}`), value(`ipv6_${end}`)];
    if (four !== null) return { version: 4, value: four };
    return six === null ? null : { version: 6, value: six };
  };
  const type = number('eth_type');
  const protocol = number('ip_proto');
  const ports = protocol !== null && WITH_PORTS.has(protocol);
  return {
    text,
    inner: tests.filter(({ field: { name } }) => !FRAME.has(name)),
    frame: tests.filter(({ field: { name } }) => FRAME.has(name)),
    version: type === 0x86dd ? 6 : type === 0x0800 ? 4 : null,
    protocol,
    source: address('src'),
    destination: address('dst'),
    sourcePort: ports ? number('tp_src') : null,
    destinationPort: ports ? number('tp_dst') : null,
  };
}

const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

/** What no sender writes into a packet, and what is not an IP packet. */
function refusal(text: string, { field: of, value }: FieldTest): readonly Problem[] {
  if (of.metadata) return [problem(text, of, 'no header field: a sender cannot set it')];
  if (of.name === 'eth_type' && value !== 0x0800n && value !== 0x86ddn) {
    return [problem(text, of, 'only IPv4 and IPv6 packets can be asked for')];
  }
  return [];
}

function problem(text: string, of: Field, message: string): Problem {
  const names = [of.name, ...of.aliases];
  const at = names.map((name) => text.indexOf(name)).find((index) => index >= 0) ?? 0;
  const word = /^[^,\s]*/.exec(text.slice(at))?.[0] ?? '';
  return { file: FILE, line: 1, column: at + 1, text: word, message };
}

const ETH_TYPE = field('eth_type');
const ICMP6_TYPE = field('icmpv6_type');
const IP_PROTO = field('ip_proto');

/** Writes the frame's fields on a packet that leaves its sender; ARP and ND stay true. */
export function writeFrameFields(p: Packet, fields: readonly FieldTest[]): Packet {
  const type = readField(p.words, ETH_TYPE);
  if (type !== 0x0800n && type !== 0x86ddn) return p;
  const discovery = [133n, 134n, 135n, 136n, 137n].includes(readField(p.words, ICMP6_TYPE));
  if (readField(p.words, IP_PROTO) === 58n && discovery) return p;
  const tagged = fields.some(({ field: { name } }) => name.startsWith('vlan_'));
  const framed = tagged ? onePacket.push(p, 'vlan', 0x8100) : p;
  return fields.reduce(
    (q, { field: of, value, mask }) => onePacket.set(q, assignment(of, value, mask)),
    framed,
  );
}
