/**
 * What hosts may remember of addresses when a plan has changed where they are: entries of MAC
 * tables, flows that were learned, neighbours of routers. Servers talk to each other behind every
 * wave of the plan, and what devices learn from it then is what they may still believe later. Before:
 * `views.ts`. After: `check.ts`.
 *
 * Simplification: what hosts remember is looked at as it is learned behind whole waves, and of the
 * connections between servers alone; that a guest remembers another MAC address than its peer has
 * now is not, as nobody but the peer can tell it.
 */
import { nicName } from '../../dataplane/endpoint/guest-nics.ts';
import { type Endpoint, type Host, type Network } from '../../dataplane/network.ts';
import { printFlow, printMatch } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge, type Switch } from '../../dataplane/ovs/types/switch.ts';
import { type Namespace, type Neighbour } from '../../dataplane/routing/types.ts';
import { Clock } from '../../simulate/clock/clock.ts';
import { Random } from '../../simulate/clock/random.ts';
import { Cuts } from '../../simulate/network/cuts.ts';
import { LivingNetwork } from '../../simulate/network/living.ts';
import { Stage as Scene } from '../../simulate/network/stage.ts';
import { once } from '../../snapshot/read/folder.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { traceOpened } from '../../trace/trace.ts';
import { isConfigured } from '../state/switch.ts';
import { type Pair } from './proving.ts';
import { type View } from './views.ts';

/** One entry that a host has learned. */
export interface Fact {
  readonly host: string;
  /** Of what: `fdb br-int 1 fa:…`. */
  readonly key: string;
  /** What is believed of it. */
  readonly value: string;
  /** The MAC or IP address that it is about, as text. */
  readonly about: string;
  put(into: LivingNetwork): void;
}

/** Entries of one host about one address, as they were learned behind one wave. */
export interface Remembered {
  readonly host: string;
  readonly about: string;
  readonly facts: readonly Fact[];
  readonly text: string;
}

/** Pairs whose packets are walked to see what is learned. */
const MOST_PAIRS = 200;

/** What hosts learn in a state when servers talk to each other. */
export function learnedIn(network: Network, pairs: readonly Pair[]): readonly Fact[] {
  const few = pairs.slice(0, MOST_PAIRS);
  // Who is asked asks at some time himself, and then announces where he is.
  const ways = [few, few.map(({ from, to }) => ({ from: to, to: from }))];
  const facts = ways.flatMap((way) => learnedFrom(network, way));
  return [...new Map(facts.map((one) => [`${one.host} ${one.key} ${one.value}`, one])).values()];
}

function learnedFrom(
  network: Network,
  pairs: readonly Pick<Pair, 'from' | 'to'>[],
): readonly Fact[] {
  const scene = new Scene(network, new Clock(), new Cuts(new Random(1)), {
    borrowed: [],
    listeners: [],
  });
  for (const { from, to } of pairs) {
    const asked = askedQuestion(network, { from, to, protocol: 'icmp' });
    if (asked.kind === 'wrong' || asked.value.to.address === null) continue;
    const opening = scene.open(asked.value);
    if (opening !== null) traceOpened(scene.compiled, opening, asked.value.to.address);
  }
  const end = scene.remembered();
  return [...end.hosts].flatMap(([host, { switch: own, namespaces }]) => [
    ...(own === null ? [] : switchFacts(host, own)),
    ...[...namespaces].flatMap(([name, { state }]) => namespaceFacts(host, name, state)),
  ]);
}

function switchFacts(host: string, { bridges }: Switch): readonly Fact[] {
  return bridges.flatMap(({ name, fdb, flows }) => [
    ...fdb.flatMap((entry): readonly Fact[] => {
      if (entry.age_s === 'static') return [];
      const about = writeMac(entry.mac);
      const isOther = (one: typeof entry): boolean =>
        one.vlan !== entry.vlan || one.mac !== entry.mac;
      const put = (into: LivingNetwork): void => {
        changeBridge(into, host, name, (bridge) => {
          // With a port go the addresses that were learned at it (ofproto-dpif.c bundle_destroy).
          if (!bridge.ports.some(({ ofport }) => ofport === entry.port)) return bridge;
          return { ...bridge, fdb: [...bridge.fdb.filter(isOther), { ...entry, age_s: 0 }] };
        });
      };
      const key = `fdb ${name} ${entry.vlan} ${about}`;
      return [{ host, key, value: String(entry.port), about, put }];
    }),
    ...flows.flatMap((flow): readonly Fact[] => {
      const about = isConfigured(flow) ? null : destinationOf(flow);
      if (about === null) return [];
      const match = matchOf(flow);
      const put = (into: LivingNetwork): void => {
        changeBridge(into, host, name, (bridge) => ({
          ...bridge,
          flows: [...bridge.flows.filter((one) => matchOf(one) !== match), flow],
        }));
      };
      const text = printFlow(flow);
      const value = text.slice(text.indexOf(' actions='));
      return [{ host, key: `flow ${name} ${match}`, value, about, put }];
    }),
  ]);
}

function changeBridge(
  into: LivingNetwork,
  host: string,
  name: string,
  how: (before: Bridge) => Bridge,
): void {
  into.changeSwitch(host, (before) => ({
    ...before,
    bridges: before.bridges.map((bridge) => (bridge.name === name ? how(bridge) : bridge)),
  }));
}

function matchOf(flow: Flow): string {
  return `table=${flow.table},priority=${flow.priority},${printMatch({ ...flow, priority: 32768 })}`;
}

function destinationOf({ tests }: Flow): string | null {
  const test = tests.find(({ field }) => field.name === 'eth_dst');
  return test === undefined ? null : writeMac(test.value);
}

function namespaceFacts(host: string, space: string, state: Namespace): readonly Fact[] {
  return [
    ...state.bridgeFdb.flatMap((entry): readonly Fact[] => {
      const { master, mac, device, destination } = entry;
      if (master === null || destination !== null || entry.state !== '') return [];
      const about = writeMac(mac);
      const put = (into: LivingNetwork): void => {
        into.change(host, space, (before) => {
          // The same in the kernel (net/bridge/br_fdb.c br_fdb_delete_by_port).
          if (!before.bridgePorts.some((port) => port.device === device)) return before;
          const others = before.bridgeFdb.filter((one) => one.master !== master || one.mac !== mac);
          return { ...before, bridgeFdb: [...others, entry] };
        });
      };
      return [{ host, key: `mac ${space} ${master} ${about}`, value: device, about, put }];
    }),
    ...state.neighbours.flatMap((entry): readonly Fact[] => {
      const { address, device, mac } = entry;
      if (mac === null || entry.state === 'permanent' || entry.state === 'noarp') return [];
      const about = writeIp(address);
      const put = (into: LivingNetwork): void => {
        into.change(host, space, (before) => ({
          ...before,
          // Others are asked for anew in every walk.
          neighbours: [
            ...before.neighbours.filter(
              (one) => one.device !== device || writeIp(one.address) !== about,
            ),
            { ...entry, state: 'permanent' },
          ],
        }));
      };
      const key = `neighbour ${space} ${device} ${about}`;
      return [{ host, key, value: writeMac(mac), about, put }];
    }),
  ];
}

/**
 * What hosts remember that is not the same behind all waves, for each wave: of every host and
 * address together, as what is believed of one address on one host belongs together.
 *
 * @param behind what is learned as read, and behind each wave
 */
export function changing(
  behind: readonly (readonly Fact[])[],
  isServer: (about: string) => boolean,
): readonly (readonly Remembered[])[] {
  const values = new Map<string, Set<string>>();
  for (const facts of behind) {
    for (const { host, key, value } of facts) {
      const place = `${host} ${key}`;
      values.set(place, (values.get(place) ?? new Set()).add(value));
    }
  }
  const constant = (host: string, key: string): boolean => values.get(`${host} ${key}`)?.size === 1;
  const everywhere = (host: string, key: string): boolean =>
    behind.every((facts) => facts.some((one) => one.host === host && one.key === key));
  const isChanging = ({ host, key, about }: Fact): boolean =>
    !constant(host, key) || (isServer(about) && !everywhere(host, key));
  return behind.map((facts) => {
    const groups = new Map<string, Fact[]>();
    for (const fact of facts) {
      if (!isChanging(fact)) continue;
      const key = `${fact.host} remembers where ${fact.about} was`;
      groups.set(key, [...(groups.get(key) ?? []), fact]);
    }
    return [...groups].map(([text, own]): Remembered => {
      const { host, about } = own[0]!;
      return { host, about, facts: own, text };
    });
  });
}

/** What a host remembers, as a text: equal memories have equal ones. */
export function contentOf({ host, facts }: Remembered): string {
  return [host, ...facts.map(({ key, value }) => `${key} ${value}`).sort()].join('\n');
}

/**
 * The same state, in which a host remembers something, and servers the MAC addresses of those they
 * send to: who asks for an address tells everybody anew where both are.
 */
export function viewWith(view: View, one: Remembered, pairs: readonly Pair[]): View {
  const { facts, host } = one;
  const apply = (network: Network): Network => {
    const living = new LivingNetwork(network);
    for (const fact of facts) fact.put(living);
    return acquainted(living.network, pairs);
  };
  const sender = once(() => apply(view.sender()));
  const receivers = new Map<string, Network | null>();
  return {
    sender,
    receiver(server) {
      const known = receivers.get(server);
      if (known !== undefined) return known;
      const plain = view.receiver(server);
      const made = plain === null ? null : apply(plain);
      receivers.set(server, made);
      return made;
    },
    keys: new Map([...view.keys, [host, `${view.keys.get(host) ?? ''} ${contentOf(one)}`]]),
    around: view.around,
    vacant: view.vacant,
  };
}

/** The network whose guests know each other's MAC addresses. */
function acquainted(network: Network, pairs: readonly Pair[]): Network {
  const guests = new Map<string, Endpoint[]>();
  for (const one of network.endpoints) {
    if (one.role === 'vm') guests.set(one.name, [...(guests.get(one.name) ?? []), one]);
  }
  const known = new Map<string, Map<string, Neighbour[]>>();
  for (const { from, to } of pairs) {
    for (const sender of guests.get(from) ?? []) {
      const { tap } = sender;
      if (tap === null) continue;
      const ofHost = known.get(sender.host) ?? new Map<string, Neighbour[]>();
      known.set(sender.host, ofHost);
      const own = ofHost.get(tap) ?? [];
      ofHost.set(tap, own);
      for (const { addresses, mac } of guests.get(to) ?? []) {
        for (const address of addresses) {
          own.push({ address, device: nicName(0), mac, state: 'permanent', router: false });
        }
      }
    }
  }
  const hosts = new Map(
    [...network.hosts].map(([name, host]) => {
      const guestNeighbours = { value: known.get(name) ?? new Map() };
      return [name, Object.create(host, { guestNeighbours }) as Host];
    }),
  );
  return Object.create(network, { hosts: { value: hosts, enumerable: true } }) as Network;
}
