/** The devices of some hops as names in order, and the header changes worth a line. */
import { type BridgeStep, type TunnelStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type HeaderView, type Hop } from '../types.ts';

export interface PathText {
  readonly devices: readonly string[];
  readonly changes: readonly string[];
}

/** Names every interface and bridge once, in the order the packet met them. */
export function pathOf(hops: readonly Hop[]): PathText {
  const devices: string[] = [];
  const changes: string[] = [];
  const add = (name: string | null): void => {
    if (name !== null && devices.at(-1) !== name) devices.push(name);
  };
  for (const hop of hops) {
    if (hop.stage === 'switch') addSwitch(hop, add, changes);
    else {
      add(hop.input === null ? hop.device : null);
      if (hop.stage === 'namespace' || hop.output === null) add(hop.device);
    }
    changes.push(...addressChanges(hop));
  }
  return { devices, changes };
}

function addSwitch(hop: Hop, add: (name: string | null) => void, changes: string[]): void {
  add(hop.input);
  for (const { step, header } of hop.steps) {
    if (step.kind === 'bridge') add((step as BridgeStep).bridge);
    if (step.kind === 'tunnel') {
      const { port, way } = step as TunnelStep;
      add(port);
      changes.push(tunnelText(way, header));
    }
  }
  add(hop.output);
}

function tunnelText(way: TunnelStep['way'], header: HeaderView): string {
  const key = header['tun_id'] ?? header['encap_id'] ?? '0x0';
  const id = Number.parseInt(key, 16);
  return way === 'out'
    ? `into tunnel id ${id} to ${header['tun_dst'] ?? header['ip_dst'] ?? 'its remote'}`
    : `out of tunnel id ${id} from ${header['tun_src'] ?? header['ip_src'] ?? 'its remote'}`;
}

const TRANSLATED = ['ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'tp_src', 'tp_dst'];

/** NAT: a router's namespace changes addresses, a switch does not. */
function addressChanges(hop: Hop): readonly string[] {
  if (hop.stage !== 'namespace' || hop.input === null) return [];
  return TRANSLATED.filter((name) => hop.before[name] !== hop.after[name]).map(
    (name) => `${name} ${hop.before[name] ?? '—'} → ${hop.after[name] ?? '—'}`,
  );
}
