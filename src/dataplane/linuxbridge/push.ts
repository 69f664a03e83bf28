/**
 * The last stage of a bridge: a frame leaves by a port if it is not longer than the port takes
 * (net/bridge/br_forward.c br_dev_queue_push_xmit()). Where the IP chains have seen it, it is
 * cut like a routed packet first (net/bridge/br_netfilter_hooks.c br_nf_dev_queue_xmit()).
 */
import { cut, longestPiece } from '../conntrack/refragment.ts';
import { callsIp } from './bridge-netfilter.ts';
import { type CompiledPort, FRAME, longerThan } from './compiled.ts';
import { type BridgeWork, dropBridged } from './work.ts';

/** Sends a frame out of a port; `bridged` unless the host itself sends it. */
export function pushOut<P>(
  work: BridgeWork<P>,
  bridged: boolean,
  output: CompiledPort,
  p: P,
): void {
  const { traffic } = work.run;
  let rest: P | null = p;
  for (const version of [4, 6] as const) {
    if (rest === null || !bridged || work.state.hooks === null) break;
    const { hit, miss }: { hit: P | null; miss: P | null } = callsIp(work, version, rest);
    if (hit !== null) pushPacket(work, version, output, hit);
    rest = miss;
  }
  if (rest === null) return;
  const { hit, miss } = traffic.split(rest, output.tooLong);
  if (hit !== null) tooLong(work, output, hit);
  if (miss !== null) transmit(work, output, miss);
}

function tooLong<P>(work: BridgeWork<P>, output: CompiledPort, p: P): void {
  const evidence = `longer than the MTU ${output.of.mtu} of ${output.of.name}`;
  dropBridged(work, p, 'MTU_BLACKHOLE_NO_ICMP', evidence);
}

function transmit<P>(work: BridgeWork<P>, { of }: CompiledPort, p: P): void {
  work.out.push({ kind: 'port', port: of.name, handle: work.handle, p });
}

/** Pieces are no longer than the bridge's own MTU, and than those the packet came in. */
function pushPacket<P>(work: BridgeWork<P>, version: 4 | 6, output: CompiledPort, p: P): void {
  const { traffic } = work.run;
  const longest = longestPiece(traffic, version, p);
  const isShorter = longest > 0 && longest < output.of.mtu;
  const { hit, miss } = traffic.split(p, isShorter ? longerThan(longest) : output.longerThanMtu);
  if (miss !== null) transmit(work, output, miss);
  if (hit === null) return;
  const { mtu } = work.state.config.of;
  const fixed =
    longest > 0 || version === 6
      ? { hit: longest === 0 || longest > mtu ? hit : null, miss: longest > mtu ? null : hit }
      : traffic.split(hit, FRAME.dontFragment);
  if (fixed.hit !== null) tooLong(work, output, fixed.hit);
  if (fixed.miss === null) return;
  for (const piece of cut(traffic, version, mtu, fixed.miss)) {
    const size = traffic.split(piece, output.tooLong);
    if (size.hit !== null) tooLong(work, output, size.hit);
    if (size.miss !== null) transmit(work, output, size.miss);
  }
}
