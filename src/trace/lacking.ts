/**
 * Files and hosts that are not in the snapshot and without which a packet's fate is not known:
 * flows of a bridge it entered, routes of a namespace it crossed, rules where rules always are.
 * What only has a usual value (kernel defaults, learned entries) is told and hangs nothing.
 */
import { type BridgedStep } from '../dataplane/linuxbridge/work.ts';
import { type Missing, type Network, ROOT } from '../dataplane/network.ts';
import { type FlowStep } from '../dataplane/ovs/pipeline/steps.ts';
import { namespaceOwner } from '../model/ids.ts';
import { type Step } from '../traffic/traffic.ts';
import { type EnterStep } from './steps.ts';

const BRIDGE = /^(flows|ovsdb-dump)$/;
const NAMESPACE: Readonly<Record<4 | 6, RegExp>> = {
  4: /^(ip-addr|ip-link|ip-route-v4)$/,
  6: /^(ip-addr|ip-link|ip-route-v6)$/,
};
const RULES: Readonly<Record<4 | 6, string>> = { 4: 'iptables-save', 6: 'ip6tables-save' };

const NOTHING: readonly Missing[] = [];

/** Of one network, by place: only what may decide. */
type ByPlace = ReadonlyMap<string, ReadonlyMap<string, readonly Missing[]>>;
const decisive = new WeakMap<Network, ByPlace>();

/** By host, then by what is within it. */
function byPlace(network: Network): ByPlace {
  let found = decisive.get(network);
  if (found === undefined) {
    const made = new Map<string, Map<string, Missing[]>>();
    for (const missing of network.missing) {
      const { place } = missing;
      if (place === undefined || !mayDecide(place.name)) continue;
      const ofHost = made.get(place.host) ?? new Map<string, Missing[]>();
      made.set(place.host, ofHost);
      ofHost.set(place.within, [...(ofHost.get(place.within) ?? []), missing]);
    }
    found = made;
    decisive.set(network, found);
  }
  return found;
}

function mayDecide(name: string): boolean {
  return BRIDGE.test(name) || NAMESPACE[4].test(name) || NAMESPACE[6].test(name) || isRules(name);
}

function isRules(name: string): boolean {
  return name === RULES[4] || name === RULES[6];
}

/**
 * What is missing of the devices that the steps crossed, and what each file would change.
 * @param ways the steps of every copy that the answer hangs on.
 * @param version of IP, for files that speak of one version only.
 */
export function lackingOnTheWay(
  network: Network,
  ways: readonly (readonly Step[])[],
  version: 4 | 6,
): readonly Missing[] {
  const places = byPlace(network);
  if (places.size === 0) return [];
  const found = new Set<Missing>();
  const look = (host: string, within: string, wanted: (name: string) => boolean): void => {
    for (const missing of places.get(host)?.get(within) ?? NOTHING) {
      if (wanted(missing.place?.name ?? '')) found.add(missing);
    }
  };
  for (const steps of ways) {
    let at: EnterStep | null = null;
    for (const step of steps) {
      if (step.kind === 'enter') {
        at = step as EnterStep;
        enter(at, version, look);
      } else if (at !== null && step.kind === 'route') {
        look(at.host, at.device, (name) => NAMESPACE[version].test(name));
      } else if (at !== null && step.kind === 'flow') {
        look(at.host, (step as FlowStep).bridge, (name) => BRIDGE.test(name));
      } else if (at !== null && step.kind === 'bridged' && isFirewalled(step as BridgedStep)) {
        look(at.host, ROOT, (name) => name === RULES[version]);
      }
    }
  }
  return [...found];
}

type Look = (host: string, within: string, wanted: (name: string) => boolean) => void;

function enter({ host, device, stage }: EnterStep, version: 4 | 6, look: Look): void {
  if (stage === 'switch') {
    look(host, '', (name) => BRIDGE.test(name));
    return;
  }
  if (device === ROOT) {
    // Frames cross a host's bridges without its addresses and routes.
    look(host, device, (name) => name === 'ip-link');
    return;
  }
  const kind = namespaceOwner(device)?.kind;
  // Agents filter and translate there, whatever else is captured.
  const ruled = kind === 'router' || kind === 'snat' || kind === 'floating';
  look(host, device, (name) => NAMESPACE[version].test(name) || (ruled && name === RULES[version]));
}

/** The bridges of the agents, on which security groups are rules of the host. */
function isFirewalled({ bridge }: BridgedStep): boolean {
  return /^(qbr|brq)/.test(bridge);
}
