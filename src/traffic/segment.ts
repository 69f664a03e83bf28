/** The numbers of one TCP segment, for window tracking in conntrack. */
import { field } from '../packet/fields.ts';
import { numberOf, type Packet } from './packet.ts';
import { type TcpSegment } from './traffic.ts';

const SEQ = field('tcp_seq');
const ACK = field('tcp_ack');
const WINDOW = field('tcp_window');

/** RFC 9293 §3.2: options are kind, length, value; kind 3 is window scale, 4 SACK permitted. */
export function segmentOf(p: Packet): TcpSegment {
  let windowScale: number | undefined;
  let sackPermitted = false;
  const options = p.body.tcpOptions;
  for (let i = 0; i < options.length; ) {
    const kind = options[i] ?? 0;
    if (kind === 0) break;
    if (kind === 1) {
      i++;
      continue;
    }
    const length = options[i + 1] ?? 0;
    if (length < 2) break;
    if (kind === 3) windowScale = options[i + 2];
    if (kind === 4) sackPermitted = true;
    i += length;
  }
  return {
    seq: numberOf(p, SEQ),
    ack: numberOf(p, ACK),
    window: numberOf(p, WINDOW),
    length: p.body.payload.length,
    windowScale,
    sackPermitted,
    hasOptions: options.length > 0,
  };
}
