/** What a Linux sender writes into its packets once it knows the way. */
import { describe, expect, it } from 'vitest';
import { field } from '../../src/packet/fields.ts';
import { parseTcpOptions } from '../../src/packet/wire/tcp.ts';
import { nextSegment, requestPacket } from '../../src/trace/request.ts';
import { completeByRoute } from '../../src/trace/transport.ts';
import { type PacketQuestion } from '../../src/trace/types.ts';
import { numberOf, type Packet } from '../../src/traffic/packet.ts';

const TO = { version: 4, value: 0x0a00_0007n } as const;

function sent(change: Partial<PacketQuestion>, mtu: number): Packet {
  const question: PacketQuestion = {
    protocol: 'icmp',
    sourcePort: null,
    destinationPort: 80,
    source: null,
    icmpId: null,
    size: 56,
    dontFragment: false,
    flow: null,
    ...change,
  };
  return completeByRoute(requestPacket(question, TO), mtu);
}

const read = (p: Packet, name: string): number => numberOf(p, field(name));

function largestSegmentIn(p: Packet): number {
  const found = parseTcpOptions(p.body.tcpOptions).find(({ kind }) => kind === 2);
  return ((found?.data[0] ?? 0) << 8) | (found?.data[1] ?? 0);
}

describe('a packet of the host', () => {
  it('may not be fragmented on the way when it fits, and is cut at once when it does not', () => {
    expect(read(sent({ size: 1400 }, 1450), 'ip_df')).toBe(1);
    expect(read(sent({ size: 1500 }, 1450), 'ip_df')).toBe(0);
    expect(read(sent({ protocol: 'udp', size: 1500 }, 1450), 'ip_df')).toBe(0);
  });

  it('keeps DF that was asked for, even where it does not fit', () => {
    expect(read(sent({ size: 1500, dontFragment: true }, 1450), 'ip_df')).toBe(1);
  });
});

describe('a connection', () => {
  it('offers segments as large as the route takes, and a window of whole segments', () => {
    const syn = sent({ protocol: 'tcp' }, 1450);
    expect(largestSegmentIn(syn)).toBe(1410);
    // Figures of a real host with this MTU.
    expect(read(syn, 'tcp_window')).toBe(64_860);
    expect(read(syn, 'ip_len')).toBe(60);
    expect(read(sent({ protocol: 'tcp' }, 1500), 'tcp_window')).toBe(64_240);
  });

  it('sends no more at once than the other end takes, nor than its own route', () => {
    const offer = sent({ protocol: 'tcp' }, 1450);
    const data = nextSegment(offer, 9000);
    expect(data.body.payload.length).toBe(1410 - 12);
    const cut = completeByRoute(data, 1400);
    expect(read(cut, 'ip_len')).toBe(1400);
    expect(cut.body.payload.length).toBe(1400 - 20 - 20 - 12);
  });
});
