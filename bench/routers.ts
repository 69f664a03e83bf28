/** A thousand redundant routers, one of their network nodes fails: what simulating that costs. */
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { simulate } from '../src/simulate/simulation.ts';
import { compileNetworkOf } from '../src/snapshot/read/compiled.ts';
import { measure } from './alone.ts';
import { figure, type Row, told } from './report.ts';
import { cpuSeconds } from './stopwatch.ts';

/** VRRP has 254 ids on the network that a project's routers share. */
const ROUTERS_PER_PROJECT = 250;
const NODES = 4;
const UNTIL_US = 60e6;
/** The first node is the first of a quarter of the routers. */
const FAILING = 'net0';

/** Routers on two of four network nodes each, with a tenant network behind each of them. */
function cloudOf(routers: number): string {
  const lines = ['hosts:'];
  const host = (name: string, at: string, more: string): string =>
    `  - {name: ${name}, nics: [{name: eth0, addresses: [${at}/16]}, {name: eth1}], agents: {openvswitch: ` +
    `{bridge_mappings: {external: br-ex}, bridges: {br-ex: eth1}, tunnel_types: [vxlan], ` +
    `local_ip: ${at}, l2_population: true, arp_responder: true}${more}}}`;
  for (let i = 0; i < NODES; i++) {
    lines.push(host(`net${i}`, `172.30.0.${10 + i}`, ', l3: {}, metadata: {}'));
  }
  lines.push(host('compute0', '172.30.1.10', ''));
  lines.push(
    'networks:',
    '  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 100.64.0.0/16, dhcp: false}]}',
  );
  for (let i = 0; i < routers; i++) {
    lines.push(
      `  - {name: n${i}, segmentation_id: ${i + 1}, subnets: [{name: s${i}, cidr: 10.0.0.0/24, dhcp: false}]}`,
    );
  }
  lines.push('security_groups:', '  - {name: ping, rules: [{protocol: icmp}]}');
  lines.push('servers:');
  for (let i = 0; i < routers; i += 100) {
    lines.push(
      `  - {name: v${i}, host: compute0, ports: [{network: n${i}, addresses: [10.0.0.11], security_groups: [ping]}]}`,
    );
  }
  lines.push('routers:');
  for (let i = 0; i < routers; i++) {
    const nodes = [i % NODES, (i + 1 + (Math.floor(i / NODES) % (NODES - 1))) % NODES];
    lines.push(
      `  - {name: r${i}, kind: ha, project: p${Math.floor(i / ROUTERS_PER_PROJECT)}, ` +
        `hosts: [${nodes.map((node) => `net${node}`).join(', ')}], ` +
        `external: {network: public}, interfaces: [{subnet: s${i}}]}`,
    );
  }
  return lines.join('\n');
}

/** What one simulation took and gave; seconds of processor time. */
export interface SimulatedRouters {
  /** Reading the cloud and opening it. */
  readonly opened_s: number;
  readonly simulated_s: number;
  readonly instances: number;
  readonly takeovers: number;
  readonly happened: number;
}

/** Simulates a minute in which one network node fails. */
export function simulateRouters(routers: number): SimulatedRouters {
  const started = cpuSeconds();
  const { value, problems } = readCloudYaml('generated.yaml', cloudOf(routers));
  if (value === null || problems.length > 0) throw new Error(problems[0]?.message ?? 'no cloud');
  const network = compileNetworkOf(value);
  const opened = cpuSeconds();
  const done = simulate(network, {
    events: [`t=5s fail host ${FAILING}`],
    probes: ['v0 -> external:198.51.100.10 every 1s'],
    until_us: UNTIL_US,
    seed: 1,
    ways: 1,
  });
  if (done.kind === 'wrong') throw new Error(done.problems.join('\n'));
  const [way] = done.ways;
  return {
    opened_s: opened - started,
    simulated_s: cpuSeconds() - opened,
    instances: done.instances.length,
    takeovers: way?.roles.filter(({ to, at_us }) => to === 'master' && at_us > 5e6).length ?? 0,
    happened: way?.happened ?? 0,
  };
}

/** One row, measured in a process of its own. */
export function routersRows(): readonly Row[] {
  const of = measure<SimulatedRouters>('routers', '1000');
  return [
    told(
      '1,000 redundant routers, one of four network nodes fails, 60 s simulated (< 30 s)',
      `${figure(of.simulated_s)} s (processor; and ${figure(of.opened_s)} s to compile the cloud), ` +
        `${figure(of.megabytes)} MB resident; ${figure(of.instances)} instances, ` +
        `${figure(of.takeovers)} takeovers`,
    ),
  ];
}
