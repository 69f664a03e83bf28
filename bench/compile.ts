/** How long it takes to compile clouds of growing size, and what comes out. */
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { compileInPieces } from '../src/snapshot/read/compiled.ts';

const PORTS_PER_TENANT = 50;
const PORTS_PER_HOST = 25;
const NETWORKS_PER_TENANT = 3;

/** A cloud of tenants with three networks and a router each, groups that name themselves. */
export function generatedCloud(ports: number): string {
  const hosts = Math.ceil(ports / PORTS_PER_HOST);
  const tenants = Math.ceil(ports / PORTS_PER_TENANT);
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
      lines.push(
        `  - {name: t${t}n${n}, segmentation_id: ${id}, subnets: [{name: t${t}s${n}, cidr: 10.0.${n}.0/24}]}`,
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
    const t = Math.floor(p / PORTS_PER_TENANT);
    const host = (p * 7919) % hosts;
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

export function benchCompile(sizes: readonly number[]): void {
  for (const ports of sizes) {
    const text = generatedCloud(ports);
    const started = performance.now();
    const { value, problems } = readCloudYaml('generated.yaml', text);
    if (value === null || problems.length > 0) throw new Error(problems[0]?.message ?? 'no cloud');
    const read = performance.now();
    let flows = 0;
    let bytes = 0;
    let most = 0;
    for (const files of compileInPieces(value)) {
      for (const [name, file] of files) {
        const out = file();
        bytes += out.length;
        if (name.endsWith('.flows.txt')) flows += linesOf(out) - 1;
      }
      most = Math.max(most, process.memoryUsage.rss());
    }
    const done = performance.now();
    const memory = Math.round(most / 2 ** 20);
    process.stdout.write(
      `${ports} ports: read ${((read - started) / 1000).toFixed(2)} s, compiled ` +
        `${((done - read) / 1000).toFixed(2)} s, ${flows} flows, ${(bytes / 2 ** 20).toFixed(0)} MiB, at most ${memory} MiB resident\n`,
    );
  }
}

if (import.meta.url === `file://${process.argv[1]}`) {
  benchCompile((process.argv[2] ?? '1000,10000').split(',').map(Number));
}
