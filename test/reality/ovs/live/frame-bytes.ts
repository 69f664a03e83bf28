/** Frames byte by byte, with right lengths and checksums (RFC 791, 8200, 793, 768, 792, 826, 3032). */
import { type Rng } from './rng.ts';

export interface FramePlan {
  readonly source: string;
  readonly destination: string;
  /** Tags, outermost first: TPID, TCI. */
  readonly tags: readonly (readonly [number, number])[];
  readonly labels: readonly { readonly label: number; readonly ttl: number }[];
  readonly content: Content;
  /** Bytes behind the transport header. */
  readonly payload: number;
}

type Content =
  | { readonly kind: 'arp'; readonly from: string; readonly to: string; readonly op: number }
  | { readonly kind: 'raw'; readonly etherType: number }
  | {
      readonly kind: 'ip';
      readonly from: string;
      readonly to: string;
      readonly ttl: number;
      readonly tos: number;
      readonly protocol: 'tcp' | 'udp' | 'icmp';
      readonly ports: readonly [number, number];
      /** Fragment field of IPv4: offset in eights, and bit 13 for "more". */
      readonly fragment: number;
    };

const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
const mac = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16));

function address(text: string): number[] {
  if (!text.includes(':')) return text.split('.').map(Number);
  const [head = '', tail = ''] = text.split('::');
  const words = (part: string) =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [before, after] = [words(head), words(tail)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return [...before, ...zeros, ...after].flatMap(u16);
}

/** The Internet checksum (RFC 1071). */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const NUMBERS = { tcp: 6, udp: 17, icmp: 1 } as const;

function transport(
  { protocol, from, to, ports }: Extract<Content, { kind: 'ip' }>,
  payload: readonly number[],
  number: number,
): number[] {
  const [a, b] = ports;
  const head =
    protocol === 'tcp'
      ? [...u16(a), ...u16(b), ...u32(1000), ...u32(0), 0x50, 0x02, ...u16(65_535), 0, 0, 0, 0]
      : protocol === 'udp'
        ? [...u16(a), ...u16(b), ...u16(8 + payload.length), 0, 0]
        : [from.includes(':') ? 128 : 8, 0, 0, 0, ...u16(7), ...u16(1)];
  const at = { tcp: 16, udp: 6, icmp: 2 }[protocol];
  const bytes = [...head, ...payload];
  const pseudo =
    protocol === 'icmp' && !from.includes(':')
      ? []
      : from.includes(':')
        ? [...address(from), ...address(to), ...u32(bytes.length), 0, 0, 0, number]
        : [...address(from), ...address(to), 0, number, ...u16(bytes.length)];
  const sum = checksum([...pseudo, ...bytes]) || (protocol === 'udp' ? 0xffff : 0);
  bytes.splice(at, 2, ...u16(sum));
  return bytes;
}

function internet(content: Extract<Content, { kind: 'ip' }>, payload: readonly number[]): number[] {
  const { from, to, ttl, tos, protocol, fragment } = content;
  const isSix = from.includes(':');
  const number = isSix && protocol === 'icmp' ? 58 : NUMBERS[protocol];
  const isLater = (fragment & 0x1fff) !== 0;
  const inside = isLater ? [...payload] : transport(content, payload, number);
  if (isSix) {
    const first = ((6 << 28) | (tos << 20)) >>> 0;
    return [
      ...u32(first),
      ...u16(inside.length),
      number,
      ttl,
      ...address(from),
      ...address(to),
      ...inside,
    ];
  }
  const head = [0x45, tos, ...u16(20 + inside.length), 0, 9, ...u16(fragment), ttl, number, 0, 0];
  const whole = [...head, ...address(from), ...address(to)];
  whole.splice(10, 2, ...u16(checksum(whole)));
  return [...whole, ...inside];
}

/** The frame, padded to the least length of Ethernet. */
export function frameBytes({
  source,
  destination,
  tags,
  labels,
  content,
  payload,
}: FramePlan): number[] {
  const data = Array.from({ length: payload }, (_, i) => (i * 7) & 255);
  const [etherType, inside] =
    content.kind === 'raw'
      ? [content.etherType, data]
      : content.kind === 'arp'
        ? [
            0x0806,
            [
              0,
              1,
              8,
              0,
              6,
              4,
              ...u16(content.op),
              ...mac(source),
              ...address(content.from),
              0,
              0,
              0,
              0,
              0,
              0,
              ...address(content.to),
            ],
          ]
        : [content.from.includes(':') ? 0x86dd : 0x0800, internet(content, data)];
  const stack = labels.flatMap(({ label, ttl }, i) =>
    u32(((label << 12) | (i === labels.length - 1 ? 0x100 : 0) | ttl) >>> 0),
  );
  const bytes = [
    ...mac(destination),
    ...mac(source),
    ...tags.flatMap(([tpid, tci]) => [...u16(tpid), ...u16(tci)]),
    ...u16(labels.length > 0 ? 0x8847 : etherType),
    ...stack,
    ...inside,
  ];
  while (bytes.length < 60) bytes.push(0);
  return bytes;
}

const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:0a'];
const IPS = ['10.0.0.1', '10.0.0.2', '10.0.1.1'];
const IP6 = ['2001:db8::1', '2001:db8::2'];

/** Any frame. */
export function framePlan(rng: Rng): FramePlan {
  const vid = (): number => rng.pick([0, 1, 2, 100]) | (rng.pick([0, 3]) << 13);
  const tags: [number, number][] = [];
  if (rng.chance(0.35)) tags.push([0x8100, vid()]);
  if (tags.length === 1 && rng.chance(0.4)) tags.unshift([rng.pick([0x88a8, 0x8100]), vid()]);
  const isSix = rng.chance(0.2);
  const ip = {
    kind: 'ip',
    from: rng.pick(isSix ? IP6 : IPS),
    to: rng.pick(isSix ? IP6 : IPS),
    ttl: rng.pick([1, 2, 64]),
    tos: rng.pick([0, 32, 185]),
    protocol: rng.pick(['tcp', 'udp', 'udp', 'icmp'] as const),
    ports: [rng.pick([53, 1000]), rng.pick([80, 443, 40_000])] as const,
    fragment: !isSix && rng.chance(0.08) ? rng.pick([0x2000, 0x0010, 0x2010]) : 0,
  } as const;
  const other: Content = rng.chance(0.6)
    ? { kind: 'arp', from: rng.pick(IPS), to: rng.pick(IPS), op: rng.pick([1, 2]) }
    : { kind: 'raw', etherType: 0x88cc };
  const content = rng.chance(0.8) ? ip : other;
  const labels =
    content.kind === 'ip' && rng.chance(0.15)
      ? Array.from({ length: rng.int(1, 3) }, () => ({ label: rng.pick([16, 100]), ttl: 64 }))
      : [];
  return {
    source: rng.pick(MACS),
    destination: rng.chance(0.85) ? rng.pick(MACS) : 'ff:ff:ff:ff:ff:ff',
    tags,
    labels,
    content,
    payload: rng.pick([0, 1, 30, 80, 200, 1400]),
  };
}

/** A large packet, for fragments. */
export function largePlan(rng: Rng): FramePlan {
  for (;;) {
    const plan = framePlan(rng);
    const isPlain = plan.labels.length === 0 && plan.tags.length < 2;
    if (plan.content.kind !== 'ip' || !isPlain) continue;
    const content = { ...plan.content, fragment: 0 };
    return { ...plan, content, payload: rng.pick([1300, 2000, 2900]) };
  }
}

/** The frames of a packet that was cut to `room` bytes of data each (RFC 791, RFC 8200 §4.5). */
export function fragmentsOf(plan: FramePlan, room: number, id: number): number[][] {
  const bytes = frameBytes(plan);
  const at = 14 + 4 * plan.tags.length;
  const isSix = plan.content.kind === 'ip' && plan.content.from.includes(':');
  const header = isSix ? 40 : 20;
  const link = bytes.slice(0, at);
  const data = bytes.slice(at + header);
  const frames: number[][] = [];
  for (let from = 0; from < data.length; from += room) {
    const part = data.slice(from, from + room);
    const more = from + room < data.length;
    const head = bytes.slice(at, at + header);
    if (isSix) {
      const next = head[6] ?? 0;
      head[6] = 44;
      head.splice(4, 2, ...u16(part.length + 8));
      head.push(next, 0, ...u16(from | (more ? 1 : 0)), ...u32(id));
    } else {
      head.splice(2, 2, ...u16(20 + part.length));
      head.splice(4, 4, ...u16(id), ...u16((more ? 0x2000 : 0) | (from / 8)));
      head.splice(10, 2, 0, 0);
      head.splice(10, 2, ...u16(checksum(head)));
    }
    frames.push([...link, ...head, ...part]);
  }
  return frames;
}

export function hexOf(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString('hex');
}
