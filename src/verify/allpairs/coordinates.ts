/**
 * The space in which all pairs are told apart: the address of the far end, the protocol and the
 * ports of a new connection. Everything else of a frame is concrete where the engine carries it.
 */
import { melted } from '../../traffic/intervals.ts';
import { type Region, Regions } from '../../traffic/sets/regions.ts';

/** Variables in the order in which diagrams ask them. */
export const ADDRESS = 0;
export const PROTOCOL = 1;
export const TO_PORT = 2;
export const FROM_PORT = 3;

/** Regions over (far address, protocol, destination port, source port). */
export interface Coordinates {
  readonly regions: Regions;
  /**
   * The packets that open something, as `setsTo` sends them: an echo request (type 8 stands in
   * the source port's word), every new TCP connection and UDP datagram, other IPv4 protocols.
   */
  readonly openings: Region;
}

export const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMP6 = 58;
export const ECHO_REQUEST = 8;

export function openCoordinates(maxEdges?: number): Coordinates {
  const regions = new Regions(maxEdges);
  for (const width of [32, 8, 16, 16]) regions.addVariable(width);
  const one = (variable: number, ...values: number[]): Region =>
    regions.of(variable, melted(values.flatMap((value) => [value, value])));
  const none = regions.and(one(TO_PORT, 0), one(FROM_PORT, 0));
  const others = regions.minus(none, one(PROTOCOL, ICMP, TCP, UDP, ICMP6));
  const echo = regions.and(
    one(PROTOCOL, ICMP),
    regions.and(one(TO_PORT, 0), one(FROM_PORT, ECHO_REQUEST)),
  );
  const openings = regions.or(regions.or(echo, one(PROTOCOL, TCP, UDP)), others);
  return { regions, openings };
}
