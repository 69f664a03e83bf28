/** What invariants over pairs of ends have in common: all ordered pairs, each walked once. */
import { ALL_WANTED } from '../../proof/wanted.ts';
import { endsOf, everyServer } from '../ends.ts';
import { type Checking, plain } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';
import { type Walked } from '../walks.ts';

/** Judges one pair whose packets were walked; nothing is wrong without a finding. */
export type JudgePair = (
  walked: Extract<Walked, { kind: 'walked' }>,
  pair: { readonly from: string; readonly to: string },
) => readonly Finding[];

/** What is wrong with a pair. */
export type Finding = Pick<Checked, 'because' | 'witness'> &
  Partial<Pick<Checked, 'code' | 'origin' | 'holds'>>;

/** Checks every ordered pair of the property's ends; all servers when it names none. */
export function* checkPairs(
  checking: Checking,
  property: InvariantProperty,
  judge: JudgePair,
  meant: (from: string, to: string) => boolean = () => true,
): Generator<Checked> {
  const { network, file, walks } = checking;
  const { names, wrong } =
    property.among === null
      ? { names: everyServer(network), wrong: [] }
      : endsOf(network, file.groups, property.among);
  if (wrong.length > 0 || names.length < 2) {
    const because = wrong.length > 0 ? wrong : ['says nothing: there are no two servers'];
    yield plain(property, property.among?.join(', ') ?? 'all servers', 'fails', because);
    return;
  }
  let pairs = 0;
  for (const from of names) {
    for (const to of names) {
      if (from === to || !meant(from, to)) continue;
      pairs++;
      const said = { ...plain(property, `${from} → ${to}`, 'holds'), from, to };
      const walked = walks.walk({ from, to, wanted: ALL_WANTED, version: property.version });
      if (walked.kind === 'impossible') {
        yield { ...said, holds: 'unsure', because: [walked.why] };
        continue;
      }
      if (walked.kind === 'wrong') {
        // An end without an address of this version has nothing to prove.
        const holds = property.among === null ? 'holds' : 'fails';
        yield { ...said, holds, because: walked.because };
        continue;
      }
      const found = judge(walked, { from, to });
      for (const one of found) yield { ...said, holds: 'fails', proof: walked.proof, ...one };
      if (found.length > 0) continue;
      yield walked.unsure.length > 0
        ? { ...said, holds: 'unsure', because: walked.unsure, proof: walked.proof }
        : { ...said, proof: walked.proof };
    }
  }
  if (pairs === 0) {
    const because = ['says nothing: no two of them are connected by a network or a router'];
    yield plain(property, property.among?.join(', ') ?? 'all servers', 'fails', because);
  }
}

/**
 * Whether two servers are on one network or on networks of one router: others may have addresses
 * that mean somebody else, and nobody has promised them a way.
 */
export function connected({ network }: Checking, from: string, to: string): boolean {
  const { ports } = network.neutron;
  const networksOf = (word: string): ReadonlySet<string> => {
    const own = network.find(word).flatMap(({ port }) => (port === null ? [] : [port.networkId]));
    const routers = ports.filter(
      ({ networkId, deviceOwner }) => own.includes(networkId) && ROUTER_INTERFACE.test(deviceOwner),
    );
    const ids = new Set(routers.map(({ deviceId }) => deviceId));
    const behind = ports.filter(
      ({ deviceId, deviceOwner }) => ids.has(deviceId) && ROUTER_INTERFACE.test(deviceOwner),
    );
    return new Set([...own, ...behind.map(({ networkId }) => networkId)]);
  };
  const reached = networksOf(from);
  const there = network.find(to).flatMap(({ port }) => (port === null ? [] : [port.networkId]));
  return there.length === 0 || there.some((id) => reached.has(id));
}

/** `network:router_interface`, `…_distributed`, `network:ha_router_replicated_interface`. */
const ROUTER_INTERFACE = /^network:(ha_)?router_/;
