/**
 * Lines a second of the flow reader, on the br-int of a large compute host (made here: 200
 * ports with security groups). `npx tsx bench/flow-text.ts [DUMP]` also takes a real dump.
 */
import { readFileSync } from 'node:fs';
import { parseFlows } from '../src/dataplane/ovs/text/flows.ts';

/** Flow lines as the agents install them, every port with its own addresses and marks. */
function largeHost(ports: number): Uint8Array {
  const lines = ['OFPST_FLOW reply (OF1.3) (xid=0x2):'];
  const flow = (table: number, match: string, actions: string): void => {
    const n = lines.length;
    const packets = n % 3 === 0 ? 0 : n * 7919;
    const count = `n_packets=${packets}, n_bytes=${packets * 98}`;
    const head = `cookie=0x3e0fb7608f9b2f14, duration=${n % 9000}.${100 + (n % 900)}s`;
    lines.push(` ${head}, table=${table}, ${count}, ${match} actions=${actions}`);
  };
  for (let p = 1; p <= ports; p++) {
    const mac = `fa:16:3e:${hex(p >> 16)}:${hex(p >> 8)}:${hex(p)}`;
    const ip = `10.${p >> 8}.${p & 255}.10`;
    const reg = `reg5=0x${p.toString(16)}`;
    const load = `set_field:0x${p.toString(16)}->reg5,set_field:0x${(p % 9) + 1}->reg6`;
    flow(60, `priority=100,in_port=${p}`, `${load},resubmit(,71)`);
    flow(60, `priority=90,dl_vlan=${(p % 9) + 1},dl_dst=${mac}`, `pop_vlan,${load},resubmit(,81)`);
    flow(71, `priority=95,arp,${reg},in_port=${p},dl_src=${mac},arp_spa=${ip}`, 'resubmit(,94)');
    flow(
      71,
      `priority=65,ip,${reg},in_port=${p},dl_src=${mac},nw_src=${ip}`,
      'ct(table=72,zone=NXM_NX_REG6[0..15])',
    );
    for (let peer = 1; peer <= 40; peer++) {
      const address = `10.${(p * peer) % 250}.${peer}.10`;
      const net = `reg6=0x${(p % 9) + 1}`;
      const state = peer % 2 === 0 ? '+new-est' : '+est-rel-rpl';
      flow(
        82,
        `priority=70,ct_state=${state},ip,${net},nw_src=${address}`,
        `conjunction(${16 + 8 * p},1/2)`,
      );
    }
    for (let port = 0; port < 16; port++) {
      const tp = `tp_dst=0x${(port * 64).toString(16)}/0xffc0`;
      flow(82, `priority=77,ct_state=+est-rel-rpl,tcp,${reg},${tp}`, `output:${p}`);
      flow(
        82,
        `priority=77,ct_state=+new-est,tcp,${reg},${tp}`,
        `ct(commit,zone=NXM_NX_REG6[0..15]),output:${p},resubmit(,92)`,
      );
    }
    flow(
      82,
      `priority=50,ct_state=+est-rel+rpl,ct_zone=${(p % 9) + 1},ct_mark=0,${reg}`,
      `output:${p}`,
    );
  }
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}

function hex(byte: number): string {
  return (byte & 255).toString(16).padStart(2, '0');
}

const [, , path] = process.argv;
const bytes = path === undefined ? largeHost(300) : new Uint8Array(readFileSync(path));
const times: number[] = [];
let lines = 0;
for (let round = 0; round < 12; round++) {
  const start = performance.now();
  const { value, problems } = parseFlows(bytes, path ?? 'made');
  times.push(performance.now() - start);
  lines = value.length;
  if (problems.length > 0) console.log(problems[0]);
}
const cold = times[0] ?? 0;
const warm = [...times].sort((a, b) => a - b)[2] ?? 0;
const rate = (milliseconds: number): number => Math.round((lines / milliseconds) * 1000);
console.log(
  JSON.stringify({
    lines,
    bytes: bytes.length,
    cold_lines_per_s: rate(cold),
    warm_lines_per_s: rate(warm),
  }),
);
