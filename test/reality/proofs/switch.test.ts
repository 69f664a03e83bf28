/**
 * What proofs say of packets between guests of one host, asked of the real switch: flows of the
 * firewall as the agents write them are loaded into a private Open vSwitch, and packets at the
 * edges of what arrives and of what does not are sent through its own translation.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { compileFiles } from '../../../src/snapshot/read/compiled.ts';
import { memoryFolder } from '../../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { writeIp } from '../../../src/text/address-text.ts';
import { askedQuestion } from '../../../src/trace/ask.ts';
import { blankPacket } from '../../../src/traffic/packet.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { prepareProofs } from '../../../src/verify/proof/prove.ts';
import { COORDINATES } from '../../../src/verify/proof/source.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { cloudOf, computeHost, textOf } from '../../agents/clouds.ts';
import { drawFrom } from '../../traffic/random-rules.ts';
import { edgeInputs } from '../../verify/proof/edges.ts';
import { installed, LiveSwitch } from '../ovs/live/daemon.ts';

/** Packets of each pair that arrive, and as many that do not. */
const MOST = 6;

const CLOUD = cloudOf(`
hosts:${computeHost('compute1', 31, '        firewall: openvswitch')}
networks:
  - {name: inner, segmentation_id: 7, subnets: [{name: inner, cidr: 10.0.0.0/24, dhcp: false}]}
security_groups:
  - {name: web, rules: [{protocol: tcp, ports: 80}, {protocol: tcp, ports: 5000-5010}, {remote: {group: ring}}]}
  - {name: ring, rules: [{protocol: icmp}, {protocol: udp, ports: 53, remote: 10.0.0.0/29}]}
servers:
  - {name: a, host: compute1, ports: [{network: inner, addresses: [10.0.0.5], security_groups: [web]}]}
  - {name: b, host: compute1, ports: [{network: inner, addresses: [10.0.0.6], security_groups: [ring]}]}
  - {name: c, host: compute1, ports: [{network: inner, addresses: [10.0.0.17], security_groups: [web, ring]}]}
`);

interface Guest {
  readonly name: string;
  readonly port: number;
  readonly mac: string;
  readonly address: string;
}

/** Guests with the OpenFlow numbers of their taps. */
function guestsOf(network: Network): readonly Guest[] {
  const bridge = network.hosts
    .get('compute1')
    ?.switch?.bridges.find(({ name }) => name === 'br-int');
  return network.endpoints.flatMap(({ role, name, tap, mac, addresses }): Guest[] => {
    const port = bridge?.ports.find((one) => one.name === tap)?.ofport ?? null;
    const [address] = addresses;
    if (role !== 'vm' || port === null || address === undefined) return [];
    const pairs = mac.toString(16).padStart(12, '0').match(/../g) ?? [];
    return [{ name, port, mac: pairs.join(':'), address: writeIp(address) }];
  });
}

/** A packet in the words of ofproto/trace. */
function flowText(from: Guest, to: Guest, input: Uint32Array): string {
  const [protocol, port, source] = COORDINATES.map(({ word }) => input[word]!);
  const ends = `nw_src=${from.address},nw_dst=${to.address},nw_ttl=64`;
  const head = `in_port=${from.port},dl_src=${from.mac},dl_dst=${to.mac}`;
  if (protocol === 1) return `${head},icmp,${ends},icmp_type=8,icmp_code=0`;
  if (protocol === 6) return `${head},tcp,${ends},tcp_src=${source},tcp_dst=${port},tcp_flags=syn`;
  if (protocol === 17) return `${head},udp,${ends},udp_src=${source},udp_dst=${port}`;
  return `${head},ip,${ends},nw_proto=${protocol}`;
}

if (installed === null) {
  console.warn('skipping witnesses in the real switch: ovs-vswitchd is not installed');
}

describe.skipIf(installed === null)('packets of proofs in the real switch', () => {
  let live: LiveSwitch;
  const network = openSnapshot(memoryFolder(compileFiles(CLOUD)));
  const guests = guestsOf(network);

  beforeAll(async () => {
    live = await LiveSwitch.start();
    await live.vsctl(
      'add-br',
      'br-int',
      '--',
      'set',
      'bridge',
      'br-int',
      'datapath_type=dummy',
      'fail_mode=secure',
      'protocols=OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15',
    );
    for (const { name, port } of guests) {
      await live.vsctl(
        'add-port',
        'br-int',
        `tap-${name}`,
        '--',
        'set',
        'interface',
        `tap-${name}`,
        'type=dummy',
        `ofport_request=${port}`,
      );
    }
    const flows = textOf(CLOUD, 'hosts/compute1/ovs/br-int.flows.txt')
      .split('\n')
      .filter((line) => line.includes('actions='))
      .map((line) =>
        line
          .replace(/(?:cookie|duration|n_packets|n_bytes|idle_age|hard_age)=[^, ]*,? ?/g, '')
          .trim(),
      );
    const ran = await live.ofctl(
      ['-O', 'OpenFlow14', 'add-flows', 'br-int', '-'],
      flows.join('\n'),
    );
    expect(ran.errors).toBe('');
  });

  afterAll(() => live?.stop());

  it('arrive or do not, as proved', async () => {
    const prover = prepareProofs(network);
    const draw = drawFrom(7);
    const wrong: unknown[] = [];
    const asked = { arriving: 0, stopped: 0 };
    for (const from of guests) {
      for (const to of guests) {
        if (from === to) continue;
        const question = askedQuestion(network, { from: from.name, to: to.name });
        if (question.kind === 'wrong') throw new Error(question.message);
        const space = openSpace();
        const proved = prover.prove({ ...question.value, wanted: ALL_WANTED }, space);
        if (proved.kind === 'impossible') throw new Error(proved.why);
        expect(proved.proof.verdict).not.toBe('UNDETERMINED');
        const { regions } = space;
        const { region, followed } = proved;
        const words = COORDINATES.map(({ word }) => word);
        for (const [claim, where] of [
          ['arriving', region],
          ['stopped', regions.minus(followed.asked, region)],
        ] as const) {
          if (where === 0) continue;
          for (const input of edgeInputs(space, where, blankPacket().words, words, MOST, draw)) {
            const text = flowText(from, to, input);
            const trace = await live.appctl('ofproto/trace', 'br-int', text);
            const arrived = new RegExp(`output:${to.port}\\b`).test(trace);
            asked[claim]++;
            if (arrived !== (claim === 'arriving')) wrong.push({ claim, text, trace });
          }
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(asked.arriving).toBeGreaterThan(20);
    expect(asked.stopped).toBeGreaterThan(20);
  });
});
