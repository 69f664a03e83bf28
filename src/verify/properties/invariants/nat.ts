/**
 * Translations are consistent: what is sent to a floating IP gets to its server or to nobody, its
 * answers come back from the address that was asked, and what the server sends outside carries
 * its floating IP, or else an address of its router's gateway.
 */
import { type IpAddress } from '../../../dataplane/routing/types.ts';
import { allBits, field } from '../../../packet/fields.ts';
import { sameAddress } from '../../../packet/prefix.ts';
import { writeIp } from '../../../text/address-text.ts';
import { NOWHERE, type Region } from '../../../traffic/sets/regions.ts';
import { packetSets } from '../../../traffic/sets/set-traffic.ts';
import { surestOutside } from '../../proof/outside-ends.ts';
import { groupOf, type Told } from '../../proof/prove.ts';
import { ALL_WANTED } from '../../proof/wanted.ts';
import { groupText } from '../kinds/reach.ts';
import { type Checking, plain } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';
import { type Walked } from '../walks.ts';

export function* checkTranslations(
  checking: Checking,
  property: InvariantProperty,
): Generator<Checked> {
  const { network } = checking;
  const { floatingIps, ports } = network.neutron;
  const asker = property.among?.[0] ?? surestOutside(network);
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
  const { regions, places } = walked.followed.space;
  const answers = told.filter(({ role }) => role === 'answer');
  const inputsOf = (list: readonly Told[]): Region =>
    list.reduce(
      (all, { ending: { p } }) => regions.or(all, regions.shadow(p.where, places.length)),
      NOWHERE,
    );
  const back = answers.filter(
    ({ ending: { outcome, device } }) =>
      outcome.kind === 'delivered' && device.host === from.host && device.name === from.namespace,
  );
  // Copies of an answer that were flooded elsewhere are nobody's loss.
  const vain = regions.minus(inputsOf(answers), inputsOf(back));
  if (vain !== NOWHERE) {
    const lost = answers.find(
      ({ ending }) =>
        !back.some((one) => one.ending === ending) && regions.and(ending.p.where, vain) !== NOWHERE,
    );
    const outcome = lost?.ending.outcome;
    const how =
      outcome?.kind === 'dropped' ? `: ${outcome.drop.reason}, ${outcome.drop.where}` : '';
    const shown = groupOf(walked.followed.space, vain);
    const because = [`${shown === null ? '' : groupText(shown)} is answered in vain${how}`];
    return {
      ...said,
      holds: 'fails',
      because,
      witness: shown?.witness ?? null,
      code: 'NAT_MISSING',
    };
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
