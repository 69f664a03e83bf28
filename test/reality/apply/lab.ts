/** A cloud.yaml on emulated hosts: guests as its ports say, commands as a person would give them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { networkOf, observe } from '../../../src/apply/execute/observe.ts';
import { compileWanted } from '../../../src/apply/wanted.ts';
import { type Network } from '../../../src/dataplane/network.ts';
import { trace } from '../../../src/index.ts';
import { type Cloud } from '../../../src/model/cloud.ts';
import { deviceName } from '../../../src/model/ids.ts';
import { type NeutronPort } from '../../../src/model/neutron.ts';
import { readCloudYaml } from '../../../src/model/yaml/read-cloud.ts';
import { openConnections } from '../../../src/snapshot/collect/gather.ts';
import { readInventory } from '../../../src/snapshot/collect/inventory.ts';
import { writeIp, writeMac } from '../../../src/text/address-text.ts';
import { type Answer, hopwise } from '../../cli/call.ts';
import { type Fixture, OUTSIDE, OUTSIDE_ADDRESS, startFixture, type VmSpec } from './fixture.ts';
import { ask, type Question, serve } from './packets.ts';

export interface Guest {
  readonly name: string;
  readonly host: string;
  readonly address: string;
}

export interface Lab {
  readonly fixture: Fixture;
  readonly guests: readonly Guest[];
  /** Writes another cloud for the same hosts; the answer is its path. */
  cloud(name: string, yaml: string): string;
  apply(...words: readonly string[]): Promise<Answer>;
  /** Plans and runs; throws with the output when either is refused. */
  bring(cloud: string, ...words: readonly string[]): Promise<void>;
  stop(): void;
}

export function parsed(yaml: string): Cloud {
  const { value, problems } = readCloudYaml('cloud.yaml', yaml);
  if (value === null || problems.length > 0) throw new Error(JSON.stringify(problems));
  return value;
}

/** Starts hosts for a cloud, with its guests plugged into nothing. */
export async function startLab(yaml: string): Promise<Lab> {
  const cloud = parsed(yaml);
  const names = new Map(cloud.neutron.servers.map(({ id, name }) => [id, name]));
  const servers = cloud.neutron.ports.filter(({ deviceId }) => names.has(deviceId));
  const nameOf = (port: NeutronPort): string => names.get(port.deviceId) ?? port.id;
  const fixture = await startFixture(
    cloud.hosts.map(({ name, layer2 }) => ({
      name,
      ovs: layer2?.kind !== 'linuxbridge',
      ...(layer2?.tunnelAddress == null
        ? {}
        : layer2.kind === 'openvswitch'
          ? { vtep: `${writeIp(layer2.tunnelAddress)}/24` }
          : { underlay: `${writeIp(layer2.tunnelAddress)}/24` }),
      vms: servers
        .filter(({ host }) => host === name)
        .map((port) => vmOf(cloud, port, nameOf(port))),
    })),
  );
  const state = join(fixture.folder, 'state');
  const apply: Lab['apply'] = (verb = '', ...words) =>
    hopwise([
      'apply',
      verb,
      ...words,
      '-i',
      fixture.inventory,
      ...(verb === 'plan' ? [] : ['--state', state]),
      // Whoever would undo it is started by the tests themselves.
      ...(verb === 'run' && !words.includes('--settle') ? ['--settle', '1'] : []),
    ]);
  mkdirSync(join(fixture.folder, 'clouds'), { recursive: true });
  return {
    fixture,
    guests: servers.map((port) => ({
      name: nameOf(port),
      host: port.host,
      address: writeIp(port.fixedIps[0]!.address),
    })),
    cloud: (name, text) => {
      const path = join(fixture.folder, 'clouds', `${name}.yaml`);
      writeFileSync(path, text);
      return path;
    },
    apply,
    bring: async (path, ...words) => {
      const plan = join(fixture.folder, 'plan.json');
      const planned = await apply('plan', path, '-o', plan, ...words);
      if (planned.code !== 2)
        throw new Error(`plan: ${planned.code}\n${planned.out}${planned.err}`);
      const ran = await apply('run', plan, ...words);
      if (ran.code !== 0) throw new Error(`run: ${ran.code}\n${ran.out}${ran.err}`);
    },
    stop: () => fixture.stop(),
  };
}

function vmOf(cloud: Cloud, port: NeutronPort, name: string): VmSpec {
  const [fixed] = port.fixedIps;
  const subnet = cloud.neutron.subnets.find(({ id }) => id === fixed?.subnetId);
  const gateway = subnet?.gateway == null ? {} : { gateway: writeIp(subnet.gateway) };
  return {
    name,
    tap: deviceName('tap', port.id),
    mac: writeMac(port.mac),
    address: `${writeIp(fixed!.address)}/${subnet?.prefix.length ?? 24}`,
    mtu: 1400,
    ...gateway,
  };
}

/** What the agents would make of a cloud on these very hosts. */
export async function wantedNetwork({ fixture }: Lab, yaml: string): Promise<Network> {
  const inventory = readInventory(fixture.inventory, readFileSync(fixture.inventory, 'utf8'))
    .value!;
  const connections = openConnections(inventory);
  try {
    const seen = await observe(inventory.hosts, connections);
    const files = compileWanted(parsed(yaml), seen.network);
    return networkOf(new Map([...files].map(([path, text]) => [path, text()])));
  } finally {
    await connections.close();
  }
}

/** One packet that was sent, what the model says of it, and what became of it. */
export interface Fate {
  readonly from: string;
  readonly to: string;
  readonly what: string;
  readonly predicted: string;
  readonly real: string;
}

export const OPEN_PORTS = [80, 22, 5000];

/** Starts the servers of all guests and of the world outside. */
export async function startServers(lab: Lab): Promise<void> {
  await Promise.all([
    ...lab.guests.map(({ host, name }) => serve(lab.fixture, host, `vm-${name}`, name, OPEN_PORTS)),
    serve(lab.fixture, OUTSIDE, null, OUTSIDE, OPEN_PORTS),
  ]);
}

/**
 * Sends real packets from every guest to every other, to the world outside, and from there to the
 * addresses of `inward`; each with the fate that a walk over `network` predicts.
 */
export async function fates(
  lab: Lab,
  network: Network,
  inward: readonly string[] = [],
): Promise<readonly Fate[]> {
  const kinds = [
    ['tcp', 80],
    ['tcp', 22],
    ['udp', 5000],
    ['icmp', 0],
  ] as const;
  const found: Fate[] = [];
  const send = async (
    sender: {
      readonly name: string;
      readonly host: string;
      readonly namespace: string | null;
      readonly word: string;
    },
    targets: readonly { readonly name: string; readonly address: string; readonly word: string }[],
  ): Promise<void> => {
    const questions = targets.flatMap(({ address }) =>
      kinds.map(([kind, port]): Question => ({ kind, address, port })),
    );
    const answers = await ask(lab.fixture, sender.host, sender.namespace, questions, 2500);
    for (const [i, { kind, port }] of questions.entries()) {
      const target = targets[Math.floor(i / kinds.length)]!;
      const ports = kind === 'icmp' ? {} : { port };
      const asked = { from: sender.word, to: target.word, protocol: kind, ...ports };
      const answer = trace(network, asked);
      const predicted =
        answer.kind !== 'traced'
          ? answer.kind
          : answer.trace.verdict === 'REACHABLE'
            ? 'answered'
            : answer.trace.verdict;
      found.push({
        from: sender.name,
        to: target.name,
        what: kind === 'icmp' ? 'icmp' : `${kind} ${port}`,
        predicted:
          predicted === 'answered'
            ? predicted
            : predicted === 'UNREACHABLE'
              ? 'nothing'
              : predicted,
        real: answers[i] === '-' ? 'nothing' : 'answered',
      });
    }
  };
  const outside = { name: OUTSIDE, address: OUTSIDE_ADDRESS, word: `external:${OUTSIDE_ADDRESS}` };
  for (const { name, host } of lab.guests) {
    const others = lab.guests
      .filter((other) => other.name !== name)
      .map((other) => ({ name: other.name, address: other.address, word: other.name }));
    const gateways = network.endpoints
      .filter(({ role, port }) => role === 'router' && port?.deviceOwner.includes('interface'))
      .flatMap(({ addresses }) => addresses.filter(({ version }) => version === 4).map(writeIp))
      .filter((address) => /\.1$/.test(address));
    const routers = [...new Set(gateways)].map((address) => ({
      name: address,
      address,
      word: address,
    }));
    const all = inward.length === 0 ? others : [...others, ...routers, outside];
    await send({ name, host, namespace: `vm-${name}`, word: name }, all);
  }
  if (inward.length > 0) {
    const targets = inward.map((address) => ({ name: address, address, word: address }));
    await send({ name: OUTSIDE, host: OUTSIDE, namespace: null, word: outside.word }, targets);
  }
  return found;
}
