/** Rules read a second, and packets a second through ten thousand rules, beside the kernel's walk. */
import { compileRules } from '../src/dataplane/iptables/chain.ts';
import { emptyMemory } from '../src/dataplane/iptables/tests/memory.ts';
import { parseIptablesSave } from '../src/dataplane/iptables/text/save.ts';
import { type Ruleset } from '../src/dataplane/iptables/types.ts';
import { walkTable } from '../src/dataplane/iptables/walk.ts';
import { type Run } from '../src/dataplane/outcome.ts';
import { field } from '../src/packet/fields.ts';
import { blankPacket, onePacket, type Packet } from '../src/traffic/one-packet.ts';
import { writeNumber } from '../src/traffic/words.ts';
import { type KernelWalk, kernelWalk } from './kernel-walk.ts';
import { datagram, manyRules } from './many-rules.ts';
import { figure, type Row, told } from './report.ts';
import { alone, rate } from './stopwatch.ts';

/** Packets on which each sample works. */
const PACKETS = 2000;

function packets(): readonly Packet[] {
  const to = {
    proto: field('ip_proto'),
    source: field('ip_src'),
    destination: field('ip_dst'),
    port: field('udp_dst'),
    type: field('eth_type'),
  };
  return Array.from({ length: PACKETS }, (_, i) => {
    const { words, ...rest } = blankPacket();
    const { server, port } = datagram(i);
    writeNumber(words, to.type, 0, 16, 0x0800);
    writeNumber(words, to.proto, 0, 8, 17);
    writeNumber(words, to.source, 0, 32, 0x0a01_ffff);
    writeNumber(words, to.destination, 0, 32, 0x0a01_0000 + server);
    writeNumber(words, to.port, 0, 16, port);
    return { words, ...rest };
  });
}

/** A walk of all packets through the chains of OUTPUT. */
function walker(ruleset: Ruleset): () => number {
  const [table] = ruleset.tables;
  if (table === undefined) throw new Error('no table');
  const around = { interfaces: [], sets: new Map() };
  const rules = compileRules(table, 4, around);
  const run: Run<Packet> = { traffic: onePacket, now_us: 0, assume: () => undefined };
  const memory = emptyMemory<Packet>();
  const passage = { run, tracker: null, memory, around, rules, surfaced: new Set<never>() };
  const all = packets();
  return () => {
    for (const each of all) {
      const p = onePacket.fork(each);
      walkTable(passage, 'OUTPUT', { p, handle: null, template: null });
    }
    return all.length;
  };
}

/** Rows of the rules' reader and of the walk. */
export async function rulesRows(): Promise<readonly Row[]> {
  const text = manyRules();
  const count = text.split('\n').filter((line) => line.startsWith('-A')).length;
  const parsed = parseIptablesSave(text, 'bench', 4);
  if (parsed.problems[0] !== undefined) throw new Error(JSON.stringify(parsed.problems[0]));
  const kernel = kernelWalk(text);
  const read = rate(
    await alone(() => {
      parseIptablesSave(text, 'bench', 4);
      return count;
    }),
  );
  const walked = rate(await alone(walker(parsed.value)));
  return [readRow(read, count, kernel), walkRow(walked, count, kernel)];
}

function readRow(read: number, count: number, kernel: KernelWalk | null): Row {
  const what = 'iptables rules read a second';
  if (kernel === null) return told(what, figure(read));
  const theirs = count / kernel.load_s;
  const ratio = `${figure(read / theirs)} ×`;
  return { ...told(what, figure(read)), real: `${figure(theirs)} (${kernel.version})`, ratio };
}

function walkRow(walked: number, count: number, kernel: KernelWalk | null): Row {
  const what = `packets a second through ${figure(count)} rules`;
  if (kernel === null) return told(what, figure(walked));
  const theirs = 1 / kernel.walk_s;
  const ratio = `${figure(walked / theirs)} ×`;
  return { ...told(what, figure(walked)), real: figure(theirs), ratio };
}
