/** Recorded transcripts of `ofproto/trace` beside the dumps of the switch that made them. */
import { type Datapath, readDatapaths } from '../../../src/dataplane/ovs/inventory/datapath.ts';
import { prepareSwitch } from '../../../src/dataplane/ovs/pipeline/prepared.ts';
import { switchState } from '../../../src/dataplane/ovs/pipeline/state.ts';
import { parseCtNext, parseTraceFlow } from '../../../src/dataplane/ovs/text/trace-flow.ts';
import { type Switch } from '../../../src/dataplane/ovs/types/switch.ts';
import { type Folder } from '../../../src/snapshot/read/folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { compileTable } from '../../../src/traffic/compiled.ts';
import { type Packet } from '../../../src/traffic/one-packet.ts';
import { switchOf, tracePacket } from './cases.ts';
import { compareTrace } from './compare-trace.ts';
import { effectsOfText } from './datapath-text.ts';
import { parseTranscript } from './trace-text.ts';

/** The part of a folder below a path. */
export function below(folder: Folder, path: string): Folder {
  const prefix = `${path}/`;
  return {
    list: () =>
      folder
        .list()
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length)),
    read: (name) => folder.read(`${prefix}${name}`),
  };
}

export function textIn(folder: Folder, path: string): string {
  return new TextDecoder().decode(folder.read(path) ?? new Uint8Array());
}

/** The command as it stands above a transcript. */
interface Command {
  readonly bridge: string;
  readonly flow: string;
  readonly states: readonly number[];
}

/** How the datapath numbers its ports. */
type PortName = (word: string) => string;

/** Every difference between the transcript and the emulation. */
function compareTranscript(
  sw: Switch,
  text: string,
  { bridge, flow, states }: Command,
  portName: PortName,
): string[] {
  const prepared = prepareSwitch(sw, compileTable);
  const at = prepared.bridges.get(bridge);
  if (at === undefined) return [`no bridge ${bridge}`];
  const passes = parseTranscript(text);
  if (passes.length === 0) {
    // The command was refused; the same words have to be refused here.
    const { problems } = parseTraceFlow(flow);
    return problems.length > 0 ? [] : [`taken, but really: ${text.trim().split('\n').at(-1)}`];
  }
  const question = {
    sw: prepared,
    bridge: at,
    p: tracePacket(flow, [...at.source.ports]),
    states,
    leaveOut: () => false,
    state: switchState<Packet>(prepared, 0, { learns: false }),
  };
  return compareTrace(
    question,
    passes.map(({ hits, unordered, error, finalFlow, actions }) => ({
      hits,
      unordered,
      error,
      finalFlow,
      effects: (start: Packet) => effectsOfText(actions, start, portName),
    })),
  );
}

/** Differences of a capture's transcripts, for each of them. */
export function compareCapture(
  dumps: Folder,
  transcripts: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly string[]> {
  const network = openSnapshot(dumps);
  const found = new Map<string, readonly string[]>();
  for (const [name, text] of transcripts) {
    const host = /^# host (\S+)$/m.exec(text)?.[1] ?? '';
    const [, bridge = '', flow = '', rest = ''] =
      /^# ovs-appctl ofproto\/trace (\S+) '(.*?)'(.*)$/m.exec(text) ?? [];
    const sw = network.hosts.get(host)?.switch;
    if (sw === undefined || sw === null) {
      found.set(name, [`no switch of ${host}`]);
      continue;
    }
    const states = [...rest.matchAll(/--ct-next '?([\w,|]+)/g)].map(([, words]) =>
      Number(parseCtNext(words ?? '')),
    );
    const path = `hosts/${host}/ovs/dpif-show.txt`;
    const { value } = readDatapaths(path, textIn(dumps, path));
    found.set(name, compareTranscript(sw, text, { bridge, flow, states }, namesOf(value)));
  }
  return found;
}

function namesOf(datapaths: readonly Datapath[]): PortName {
  const ports = datapaths.flatMap((datapath) => datapath.ports);
  return (word) => ports.find(({ number }) => String(number) === word)?.name ?? word;
}

/** Ports of the recorded switch of the books: OpenFlow number, VLAN tag, number in the datapath. */
type BookPort = readonly [name: string, ofport: number, tag: number | null, datapath: number];
const BOOK_PORTS: Readonly<Record<string, readonly BookPort[]>> = {
  'br-int': [
    ['qvo3de035cc-79', 3, 1, 3],
    ['qvoce30da31-3a', 4, 1, 30],
    ['qvoa943af89-8e', 5, 2, 943],
    ['qvo4655b19f-85', 6, 3, 4655],
    ['qvo2bc7251b-07', 7, 4, 2],
    ['br-int', 0xfffe, null, 1],
  ],
  'br-eth2': [
    ['eth2', 1, null, 6],
    ['br-eth2', 0xfffe, null, 102],
  ],
  'br-tun': [['vxlan-0a140064', 2, null, 4]],
};
/** Ports that only the transcripts of distributed routing have. */
const DVR_PORTS: readonly BookPort[] = [
  ['qr-841d9818-bf', 10, 1, 841],
  ['qr-d2ce8f82-d8', 11, 2, 9999],
  ['qvo-BLUE', 12, 1, 7],
];
const PATCHES: Readonly<Record<string, readonly (readonly [string, number, string])[]>> = {
  'br-int': [
    ['int-br-eth2', 1, 'phy-br-eth2'],
    ['patch-tun', 2, 'patch-int'],
  ],
  'br-eth2': [['phy-br-eth2', 2, 'int-br-eth2']],
  'br-tun': [['patch-int', 1, 'patch-tun']],
};

/** Differences of the transcripts that were made with the flow dumps of the books. */
export function compareBooks(
  flows: ReadonlyMap<string, string>,
  transcripts: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [name, text] of transcripts) {
    const dvr = text.includes('over the DVR flows');
    const [, bridge = '', flow = ''] = /^# bridge (\S+), flow: (.*)$/m.exec(text) ?? [];
    const numbers = new Map<string, string>();
    const bridges = Object.entries(BOOK_PORTS).map(([at, rows]) => {
      const ports = dvr && at === 'br-int' ? [...rows, ...DVR_PORTS] : rows;
      for (const [port, , , number] of ports) numbers.set(String(number), port);
      return {
        name: at,
        fail_mode: 'secure' as const,
        ports: [
          ...ports.map(([port, ofport, tag]) => ({
            name: port,
            ofport,
            ...(tag === null ? {} : { tag }),
          })),
          ...(PATCHES[at] ?? []).map(([port, ofport, peer]) => ({
            name: port,
            ofport,
            type: 'patch',
            peer,
          })),
        ],
        flows: bookFlows(flows, at, dvr, text),
      };
    });
    const sw = switchOf({ bridges }, new Set());
    const portName = (word: string) => numbers.get(word) ?? word;
    found.set(name, compareTranscript(sw, text, { bridge, flow, states: [] }, portName));
  }
  return found;
}

function bookFlows(
  flows: ReadonlyMap<string, string>,
  bridge: string,
  dvr: boolean,
  text: string,
): string[] {
  const names = dvr
    ? { 'br-int': ['dvr'], 'br-eth2': ['dvr'], 'br-tun': ['overlay'] }
    : { 'br-int': ['vlan', 'flat-delta'], 'br-eth2': ['vlan', 'flat'], 'br-tun': ['overlay'] };
  const files = names[bridge as keyof typeof names].map(
    (name) => flows.get(`dump-flows.${bridge}.compute02.${name}.txt`) ?? '',
  );
  const lines = files.flatMap((file) =>
    file.split('\n').filter((line) => line.includes('actions=')),
  );
  // Lines that the book leaves out stand above the transcripts.
  const added = [...text.matchAll(/^# {3}(\S+) +(table=.*)$/gm)];
  return [...lines, ...added.filter(([, at]) => at === bridge).map(([, , line]) => line ?? '')];
}
