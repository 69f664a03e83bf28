/**
 * Translations are consistent: what is sent to a floating IP gets to its server or to nobody, its
 * answers come back from the address that was asked, and what the server sends outside carries
 * its floating IP, or else an address of its router's gateway.
 */
import { type IpAddress } from '../../../dataplane/routing/types.ts';
import { allBits, field } from '../../../packet/fields.ts';
import { sameAddress } from '../../../packet/prefix.ts';
import { writeIp } from '../../../text/address-text.ts';
import { OUTSIDE } from '../../../trace/outside.ts';
import { packetSets } from '../../../traffic/sets/set-traffic.ts';
import { groupOf, type Told } from '../../proof/prove.ts';
import { ALL_WANTED } from '../../proof/wanted.ts';
import { groupText } from '../kinds/reach.ts';
import { type Checking, plain } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';
import { type Walked } from '../walks.ts';

/** Somebody outside when the snapshot shows nobody (RFC 5737: an address of documentation). */
const SOMEBODY = 'external:198.51.100.77';

export function* checkTranslations(
  checking: Checking,
  property: InvariantProperty,
): Generator<Checked> {
  const { network } = checking;
  const { floatingIps, ports } = network.neutron;
  const outside = network.endpoints.find(
    ({ role, addresses }) =>
      role === 'host' && addresses.some(({ version }) => version === 4) && role === 'host',
  );
  const asker = property.among?.[0] ?? outsideWord(checking) ?? outside?.name ?? SOMEBODY;
  let translated = 0;
  for (const floating of floatingIps) {
    const port = ports.find(({ id }) => id === floating.portId);
    const server = network.endpoints.find((one) => one.port?.id === port?.id);
    if (port === undefined || server === undefined || floating.address.version !== 4) continue;
    translated++;
    const address = floating.address;
    const word = writeIp(address);
    yield inwards(checking, property, { asker, server: port.id, name: server.name, address, word });
    yield outwards(checking, property, {
      asker,
      server: port.id,
      name: server.name,
      address,
      word,
    });
  }
  if (translated === 0) {
    yield plain(property, 'floating IPs', 'fails', ['says nothing: no server has a floating IP']);
  }
}

/** Null: the outside of `external:` words is a host of the snapshot or stands for all of it. */
function outsideWord({ network }: Checking): string | null {
  return network.hosts.has(OUTSIDE) ? SOMEBODY : null;
}

interface Floating {
  readonly asker: string;
  readonly server: string;
  readonly name: string;
  readonly address: IpAddress;
  readonly word: string;
}

/** From outside to the floating IP, and back. */
function inwards(
  { walks }: Checking,
  property: InvariantProperty,
  { asker, server, name, address, word }: Floating,
): Checked {
  const said = {
    ...plain(property, `${asker} → ${word} (${name})`, 'holds'),
    from: asker,
    to: word,
  };
  const walked = walks.walk({
    from: asker,
    to: server,
    at: address,
    wanted: ALL_WANTED,
    version: 4,
  });
  if (walked.kind !== 'walked') return { ...said, holds: 'unsure', because: whyNot(walked) };
  const { told, from, to } = walked.followed;
  const astray = told.find(
    ({ ending: { outcome, device }, role }) =>
      role === 'request' &&
      outcome.kind === 'delivered' &&
      (device.host !== to.host || device.name !== to.namespace),
  );
  if (astray !== undefined) {
    return wrong(said, walked, astray, `is received by ${astray.ending.device.name}`);
  }
  const unanswered = told.find(
    ({ ending: { outcome, device }, role }) =>
      role === 'answer' &&
      (outcome.kind === 'dropped'
        ? outcome.drop.reason !== 'NOT_FOR_ME'
        : device.host !== from.host || device.name !== from.namespace),
  );
  if (unanswered !== undefined) {
    const { outcome, device } = unanswered.ending;
    const how =
      outcome.kind === 'dropped'
        ? `${outcome.drop.reason} at ${device.host}, ${outcome.drop.where}`
        : device.name;
    return wrong(said, walked, unanswered, `is answered in vain: ${how}`);
  }
  return walked.unsure.length === 0 ? said : { ...said, holds: 'unsure', because: walked.unsure };
}

/** From the server outwards: who receives it sees the floating IP. */
function outwards(
  { walks }: Checking,
  property: InvariantProperty,
  { asker, server, name, address, word }: Floating,
): Checked {
  const said = {
    ...plain(property, `${name} (${word}) → ${asker}`, 'holds'),
    from: name,
    to: asker,
  };
  const walked = walks.walk({ from: server, to: asker, wanted: ALL_WANTED, version: 4 });
  if (walked.kind !== 'walked') return { ...said, holds: 'unsure', because: whyNot(walked) };
  for (const one of walked.followed.told) {
    const { outcome, p } = one.ending;
    if (one.role !== 'request' || outcome.kind !== 'delivered') continue;
    for (const { value } of packetSets.cases(p, allBits(field('ip_src')), MOST_SOURCES) ?? []) {
      const seen: IpAddress = { version: 4, value: BigInt(value) };
      if (sameAddress(seen, address)) continue;
      return wrong(said, walked, one, `leaves as ${writeIp(seen)}, not as ${word}`);
    }
  }
  return walked.unsure.length === 0 ? said : { ...said, holds: 'unsure', because: walked.unsure };
}

const MOST_SOURCES = 16;

function whyNot(walked: Exclude<Walked, { kind: 'walked' }>): readonly string[] {
  return walked.kind === 'wrong' ? walked.because : [walked.why];
}

function wrong(
  said: Checked,
  { followed, proof }: Extract<Walked, { kind: 'walked' }>,
  { ending }: Told,
  how: string,
): Checked {
  const { regions, places } = followed.space;
  const shown = groupOf(followed.space, regions.shadow(ending.p.where, places.length));
  const because = [`${shown === null ? 'a packet' : groupText(shown)} ${how}`];
  const witness = shown?.witness ?? null;
  return { ...said, holds: 'fails', because, witness, proof, code: 'NAT_MISSING' };
}
