/** How fast rules are read and printed, and how fast packets pass a large set of chains. */
import { compileRules } from '../src/dataplane/iptables/chain.ts';
import { emptyMemory } from '../src/dataplane/iptables/memory.ts';
import { parseIptablesSave, printIptablesSave } from '../src/dataplane/iptables/text/save.ts';
import { type Ruleset } from '../src/dataplane/iptables/types.ts';
import { walkTable } from '../src/dataplane/iptables/walk.ts';
import { type Run } from '../src/dataplane/outcome.ts';
import { field } from '../src/packet/fields.ts';
import { blankPacket, onePacket, type Packet } from '../src/traffic/one-packet.ts';
import { writeNumber } from '../src/traffic/words.ts';

const PORTS = 500;
const RULES_EACH = 18;

/** A host with security groups as Neutron writes them: two chains for each port. */
function manyChains(): string {
  const chains: string[] = [':FORWARD ACCEPT [0:0]', ':sg-chain - [0:0]', ':fallback - [0:0]'];
  const rules: string[] = ['-A fallback -j DROP'];
  for (let port = 0; port < PORTS; port++) {
    const tap = `tap${port.toString(16).padStart(8, '0')}`;
    chains.push(`:i${port} - [0:0]`);
    rules.push(`-A FORWARD -m physdev --physdev-out ${tap} --physdev-is-bridged -j sg-chain`);
    rules.push(`-A sg-chain -m physdev --physdev-out ${tap} --physdev-is-bridged -j i${port}`);
    rules.push(`-A i${port} -m state --state RELATED,ESTABLISHED -j RETURN`);
    for (let i = 0; i < RULES_EACH - 3; i++) {
      const source = `10.${port % 256}.${i}.0/24`;
      rules.push(`-A i${port} -s ${source} -p tcp -m tcp --dport ${1000 + i} -j RETURN`);
    }
    rules.push(`-A i${port} -j fallback`);
  }
  rules.push('-A sg-chain -j ACCEPT');
  return `*filter\n${chains.join('\n')}\n${rules.join('\n')}\nCOMMIT\n`;
}

function timed<T>(work: () => T): readonly [T, number] {
  const start = process.hrtime.bigint();
  const value = work();
  return [value, Number(process.hrtime.bigint() - start) / 1e9];
}

function packets(count: number): readonly Packet[] {
  const to = {
    physout: field('meta_physout'),
    proto: field('ip_proto'),
    source: field('ip_src'),
    port: field('tcp_dst'),
    type: field('eth_type'),
  };
  return Array.from({ length: count }, (_, i) => {
    const p = blankPacket();
    const port = (i * 7919) % PORTS;
    writeNumber(p.words, to.physout, 0, 32, port + 1);
    writeNumber(p.words, to.type, 0, 16, 0x0800);
    writeNumber(p.words, to.proto, 0, 8, 6);
    writeNumber(p.words, to.source, 0, 32, (10 << 24) | ((port % 256) << 16) | ((i % 20) << 8) | 1);
    writeNumber(p.words, to.port, 0, 16, 1000 + (i % 20));
    return p;
  });
}

function walkMany(ruleset: Ruleset, count: number): void {
  const interfaces = Array.from({ length: PORTS }, (_, port) => ({
    name: `tap${port.toString(16).padStart(8, '0')}`,
    index: port + 1,
    loopback: false,
    addresses: [],
  }));
  const [table] = ruleset.tables;
  if (table === undefined) return;
  const [rules, compile_s] = timed(() => compileRules(table, 4, { interfaces, sets: new Map() }));
  const run: Run<Packet> = { traffic: onePacket, now_us: 0, assume: () => undefined };
  const passage = {
    run,
    tracker: null,
    memory: emptyMemory<Packet>(),
    rules,
    surfaced: new Set<never>(),
  };
  for (const round of ['first', 'second']) {
    const all = packets(count);
    const [, walk_s] = timed(() => {
      for (const p of all) walkTable(passage, 'FORWARD', { p, handle: null, template: null });
    });
    console.log(`walk (${round} round): ${Math.round(count / walk_s)} packets/s`);
  }
  console.log(`compile: ${(compile_s * 1000).toFixed(0)} ms`);
}

const text = manyChains();
const lines = text.split('\n').filter((line) => line.startsWith('-A')).length;
let best_s = Number.POSITIVE_INFINITY;
let print_s = Number.POSITIVE_INFINITY;
let parsed = parseIptablesSave(text, 'bench', 4);
for (let i = 0; i < 5; i++) {
  const [again, read_s] = timed(() => parseIptablesSave(text, 'bench', 4));
  parsed = again;
  best_s = Math.min(best_s, read_s);
  print_s = Math.min(print_s, timed(() => printIptablesSave(parsed.value))[1]);
}
console.log(`${lines} rules, ${parsed.problems.length} problems`);
console.log(
  `parse: ${Math.round(lines / best_s)} rules/s, print: ${Math.round(lines / print_s)} rules/s`,
);
walkMany(parsed.value, 50_000);
