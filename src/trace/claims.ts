/**
 * Several stations may answer for one address (RFC 5227 §1.1). The kernel sends to whoever
 * answered first and keeps that entry against other answers for `locktime` (net/ipv4/arp.c
 * arp_process()): each of them may have been the first, so each is walked.
 *
 * Simplification: of several stations that answer for an address one is sent to as long as the
 * question lasts; the later answer of an IPv6 neighbour, which takes over at once (RFC 4861
 * §7.2.5), is one of the worlds and never splits a world.
 */
import { type Network } from '../dataplane/network.ts';
import {
  type LearnedNeighbour,
  type NeighbourAges,
  type Stack,
} from '../dataplane/routing/stack.ts';
import { type ResolutionStep } from '../dataplane/routing/steps.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { type NeutronPort } from '../model/neutron.ts';
import { field } from '../packet/fields.ts';
import { writeMac } from '../text/address-text.ts';
import { readSteps } from '../traffic/diary.ts';
import { type Packet } from '../traffic/packet.ts';
import { readField } from '../traffic/words.ts';
import { endpointsAt } from './endpoints-at.ts';
import { portLabel } from './objects.ts';
import { type Choices } from './programs/choices.ts';
import { type EnterStep } from './steps.ts';

/** Who answered a namespace for an address, the first first. */
export interface Claim {
  readonly host: string;
  readonly namespace: string;
  readonly device: string;
  readonly address: IpAddress;
  readonly answerers: readonly Answerer[];
}

export interface Answerer {
  readonly mac: bigint;
  /** Host and device that made the answer; of a switch's answer that of the port it spoke for. */
  readonly place: string;
  /** What a person calls it, with its MAC and its host. */
  readonly label: string;
  /** Neutron's port with the MAC. */
  readonly port: NeutronPort | null;
}

/** Remembers the answers of one walk, and believes those that its choices tell. */
export class Claims implements NeighbourAges<Packet> {
  /** Answers by what was asked where; who gave them is found out when there is a second one. */
  private readonly heard = new Map<string, { readonly mac: bigint; readonly p: Packet }[]>();
  private readonly network: Network;
  private readonly choices: Choices;

  constructor(network: Network, choices: Choices) {
    this.network = network;
    this.choices = choices;
  }

  believes(): boolean {
    return true;
  }

  used(): void {
    // No clock runs: what is learned stays for the whole walk.
  }

  takes(
    { config: { of } }: Stack<Packet>,
    _known: LearnedNeighbour<Packet> | null,
    heard: LearnedNeighbour<Packet>,
  ): boolean {
    if (!isAnswer(heard)) return true;
    const { device, version } = heard;
    const address = { version, value: readField(heard.p.words, heard.address.field) };
    const mac = readField(heard.p.words, heard.mac.field);
    const key = `neighbour ${of.host} ${of.name} ${device} ${version} ${address.value}`;
    const all = this.heard.get(key) ?? [];
    const index = all.findIndex((one) => one.mac === mac);
    if (index < 0) all.push({ mac, p: heard.p });
    this.heard.set(key, all);
    const end = index < 0 ? all.length - 1 : index;
    if (all.length === 1) return this.choices.believes(key, end, null);
    return this.choices.believes(key, end, {
      host: of.host,
      namespace: of.name,
      device,
      address,
      answerers: all.map((one) => answererOf(this.network, one.p, one.mac)),
    });
  }
}

/** Answers to a request, not requests that tell of their sender. */
function isAnswer({ version, address, p }: LearnedNeighbour<Packet>): boolean {
  if (version === 6) return address.field.name === 'nd_target';
  return readField(p.words, field('arp_op')) === 2n;
}

/** Who made an answer. */
export function answererOf(network: Network, p: Packet, mac: bigint): Answerer {
  const port = network.neutron.ports.find((one) => one.mac === mac) ?? null;
  const maker = makerOf(p);
  const own = maker === null ? [] : endpointsAt(network, maker.host, maker.device);
  const name =
    own[0]?.name ?? maker?.device ?? (port === null ? 'somebody' : portLabel(network, port));
  const host = maker?.host ?? port?.host ?? '';
  return {
    mac,
    place: maker === null ? `port ${port?.id ?? writeMac(mac)}` : `${maker.host} ${maker.device}`,
    label: `${name} (${writeMac(mac)})${host === '' ? '' : ` on ${host}`}`,
    port,
  };
}

/** The device in which an answer was made; null of what a switch's flows answered. */
function makerOf(p: Packet): EnterStep | null {
  const steps = readSteps(p);
  const made = steps.findLastIndex(({ kind }) => kind === 'resolution');
  const { message } = (steps[made] ?? {}) as Partial<ResolutionStep>;
  if (message !== 'arp-reply' && message !== 'advertisement') return null;
  const at = steps.slice(0, made).findLast(({ kind }) => kind === 'enter');
  return (at as EnterStep | undefined) ?? null;
}
