/** How long it takes to compile clouds of growing size, and what comes out. */
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { compileInPieces } from '../src/snapshot/read/compiled.ts';
import { measure } from './alone.ts';
import { figure, type Row, told } from './report.ts';
import { cpuSeconds } from './stopwatch.ts';

const PORTS_PER_TENANT = 50;
const PORTS_PER_HOST = 25;
const NETWORKS_PER_TENANT = 3;

/** Where a tenant's servers are: on few hosts, as a scheduler packs them, or on nearly all. */
export type Placement = 'packed' | 'spread';

/** A cloud of tenants with three networks and a router each, groups that name themselves. */
export function generatedCloud(
  ports: number,
  placement: Placement = 'spread',
  portsPerTenant = PORTS_PER_TENANT,
): string {
  const hosts = Math.ceil(ports / PORTS_PER_HOST);
  const tenants = Math.ceil(ports / portsPerTenant);
  const lines = ['hosts:'];
  const agent = (at: string, more: string): string =>
    `agents: {openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth1}, tunnel_types: [vxlan], local_ip: ${at}, l2_population: true, arp_responder: true}${more}}`;
  for (let i = 0; i < hosts; i++) {
    const at = `172.${16 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
    const more = i < 10 ? ', l3: {}, dhcp: {}' : '';
    lines.push(
      `  - {name: h${i}, nics: [{name: eth0, addresses: [${at}/12]}, {name: eth1}], ${agent(at, more)}}`,
    );
  }
  lines.push('networks:');
  lines.push(
    '  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 100.64.0.0/10, dhcp: false}]}',
  );
  for (let t = 0; t < tenants; t++) {
    for (let n = 0; n < NETWORKS_PER_TENANT; n++) {
      const id = t * NETWORKS_PER_TENANT + n + 1;
      // One DHCP agent serves them all, and a host has 4,094 local VLANs.
      const served = n === 0 ? '' : ', dhcp: false';
      lines.push(
        `  - {name: t${t}n${n}, segmentation_id: ${id}, subnets: [{name: t${t}s${n}, cidr: 10.0.${n}.0/24${served}}]}`,
      );
    }
  }
  lines.push('security_groups:');
  for (let t = 0; t < tenants; t++) {
    lines.push(
      `  - {name: g${t}, rules: [{protocol: tcp, ports: 22}, {protocol: icmp}, {remote: {group: g${t}}}]}`,
    );
  }
  lines.push('servers:');
  for (let p = 0; p < ports; p++) {
    const t = Math.floor(p / portsPerTenant);
    const host = placement === 'packed' ? Math.floor(p / PORTS_PER_HOST) : (p * 7919) % hosts;
    lines.push(
      `  - {name: s${p}, host: h${host}, ports: [{network: t${t}n${p % NETWORKS_PER_TENANT}, security_groups: [g${t}]}]}`,
    );
  }
  lines.push('routers:');
  for (let t = 0; t < tenants; t++) {
    const interfaces = [0, 1, 2].map((n) => `{subnet: t${t}s${n}}`).join(', ');
    lines.push(
      `  - {name: r${t}, hosts: [h${t % 10}], external: {network: public}, interfaces: [${interfaces}]}`,
    );
  }
  lines.push('floating_ips:');
  for (let p = 0; p < ports; p += 10) lines.push(`  - {network: public, port: s${p}}`);
  return lines.join('\n');
}

function linesOf(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** What compiling one cloud took and gave; seconds of processor time. */
export interface Compiled {
  readonly read_s: number;
  readonly compiled_s: number;
  readonly flows: number;
  readonly megabytesOfText: number;
}

/** Compiles a cloud of that many ports; every file is made, and forgotten with its host. */
export function compileOnce(ports: number): Compiled {
  const text = generatedCloud(ports);
  const started = cpuSeconds();
  const { value, problems } = readCloudYaml('generated.yaml', text);
  if (value === null || problems.length > 0) throw new Error(problems[0]?.message ?? 'no cloud');
  const read = cpuSeconds();
  let flows = 0;
  let bytes = 0;
  for (const files of compileInPieces(value)) {
    for (const [name, file] of files) {
      const out = file();
      bytes += out.length;
      if (name.endsWith('.flows.txt')) flows += linesOf(out) - 1;
    }
  }
  return {
    read_s: read - started,
    compiled_s: cpuSeconds() - read,
    flows,
    megabytesOfText: bytes / 1e6,
  };
}

/** A row for each size, each in a process of its own. */
export function compileRows(sizes: readonly number[]): readonly Row[] {
  return sizes.map((ports) => {
    const of = measure<Compiled>('compile', String(ports));
    return told(
      `a cloud of ${figure(ports)} ports compiled to what its hosts would show`,
      `${figure(of.read_s)} s to read, ${figure(of.compiled_s)} s to compile (processor), ` +
        `${figure(of.megabytes)} MB resident; ${figure(of.flows)} flows, ` +
        `${figure(of.megabytesOfText)} MB of text`,
    );
  });
}
