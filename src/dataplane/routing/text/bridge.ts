/**
 * A Linux bridge's state, as `bridge fdb`, `bridge link` and `bridge vlan` print it, as text or
 * as JSON (iproute2 `bridge/`), and the ports that `brctl show` lists.
 */
import { readIp, readMac } from '../../../text/address-text.ts';
import {
  items,
  jsonRoot,
  member,
  numberOf,
  readAs,
  records,
  textOf,
  truthOf,
} from '../../../text/json-text.ts';
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { type BridgeFdbEntry, type BridgePort, type BridgeVlan } from '../types.ts';
import { isJson } from './form.ts';

export type FdbDraft = { -readonly [K in keyof BridgeFdbEntry]: BridgeFdbEntry[K] };

const FDB_FLAGS = new Set(['self', 'master', 'extern_learn', 'offload', 'sticky', 'router']);
const FDB_STATES = new Set(['permanent', 'static', 'stale']);

/** `bridge [-json] fdb show`. */
export function readBridgeFdb(file: string, text: string): Parsed<readonly BridgeFdbEntry[]> {
  if (isJson(text)) return fdbOfJson(file, text);
  const lines = linesOf(file, text);
  const found: BridgeFdbEntry[] = [];
  for (const [i, line] of lines.lines.entries()) {
    const words = line.trim().split(/\s+/);
    if (line.trim() === '' || line.startsWith('#')) continue;
    const mac = readMac(words[0] ?? '');
    if (mac === undefined) {
      complain(lines, i, words[0] ?? '', 'An entry starts with its MAC address');
      continue;
    }
    const entry: FdbDraft = emptyFdb(mac);
    const flags: string[] = [];
    for (let at = 1; at < words.length; at++) {
      const word = words[at] ?? '';
      const next = words[at + 1] ?? '';
      // `master` alone is a flag; with a device name it tells the bridge.
      if (word === 'master' && next !== '' && !FDB_FLAGS.has(next) && !FDB_STATES.has(next)) {
        entry.master = next;
        at++;
      } else if (FDB_FLAGS.has(word)) flags.push(word);
      else if (FDB_STATES.has(word)) entry.state = word;
      else if (readFdbValue(entry, word, next)) at++;
      else complain(lines, i, word, 'This word of an entry is not known', FDB_FLAGS);
    }
    found.push({ ...entry, flags });
  }
  return { value: found, problems: lines.problems };
}

/** One word with its value; false when the word is not known. */
function readFdbValue(entry: FdbDraft, word: string, next: string): boolean {
  if (word === 'dev') entry.device = next;
  else if (word === 'vlan') entry.vlan = Number(next);
  else if (word === 'dst') entry.destination = readIp(next) ?? null;
  else if (word === 'vni') entry.vni = Number(next);
  else if (word === 'port') entry.port = Number(next);
  else if (word === 'via') entry.viaDevice = next;
  else return word === 'used' || word === 'link-netnsid' || word === 'src_vni';
  return true;
}

/** An entry of which nothing but the address is known. */
export function emptyFdb(mac: bigint): FdbDraft {
  return {
    device: '',
    master: null,
    mac,
    vlan: null,
    destination: null,
    vni: null,
    port: null,
    viaDevice: null,
    flags: [],
    state: '',
  };
}

function fdbOfJson(file: string, text: string): Parsed<readonly BridgeFdbEntry[]> {
  const problems: Problem[] = [];
  const found: BridgeFdbEntry[] = [];
  for (const row of records(jsonRoot(file, text, problems))) {
    const mac = readAs(member(row, 'mac'), readMac, 'a MAC address');
    if (mac === undefined) continue;
    found.push({
      device: textOf(member(row, 'ifname')) ?? '',
      master: textOf(member(row, 'master')) ?? null,
      mac,
      vlan: numberOf(member(row, 'vlan')) ?? null,
      destination: readAs(member(row, 'dst'), readIp, 'an address') ?? null,
      vni: numberOf(member(row, 'vni')) ?? null,
      port: numberOf(member(row, 'port')) ?? null,
      viaDevice: textOf(member(row, 'viaIf')) ?? null,
      flags: items(member(row, 'flags')).map((flag) => String(flag.value)),
      state: textOf(member(row, 'state')) ?? '',
    });
  }
  return { value: found, problems };
}

/** `bridge -d [-json] link show`. Without `-d` a port has the kernel's defaults. */
export function readBridgePorts(file: string, text: string): Parsed<readonly BridgePort[]> {
  const found: BridgePort[] = [];
  if (isJson(text)) {
    const problems: Problem[] = [];
    for (const row of records(jsonRoot(file, text, problems))) {
      const device = textOf(member(row, 'ifname'));
      const master = textOf(member(row, 'master'));
      if (device === undefined || master === undefined) continue;
      found.push({
        device,
        master,
        state: textOf(member(row, 'state')) ?? 'forwarding',
        hairpin: truthOf(member(row, 'hairpin')) ?? false,
        learning: truthOf(member(row, 'learning')) ?? true,
        flood: truthOf(member(row, 'flood')) ?? true,
        isolated: truthOf(member(row, 'isolated')) ?? false,
      });
    }
    return { value: found, problems };
  }
  const lines = linesOf(file, text);
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '') continue;
    const head = /^\d+: ([^\s@:]+)(?:@\S+)?:? .*\bmaster (\S+)(?: .*\bstate (\w+))?/.exec(line);
    if (head !== null) {
      const [, device = '', master = '', state = 'forwarding'] = head;
      found.push(portWith(device, master, state, ''));
    } else if (/^\s/.test(line)) {
      const last = found.pop();
      if (last !== undefined) found.push(portWith(last.device, last.master, last.state, line));
    } else if (!/^\d+: /.test(line)) complain(lines, i, line, 'This is not a bridge port');
  }
  return { value: found, problems: lines.problems };
}

function portWith(device: string, master: string, state: string, details: string): BridgePort {
  const on = (word: string): boolean => new RegExp(`\\b${word} on\\b`).test(details);
  const off = (word: string): boolean => new RegExp(`(^|\\s)${word} off\\b`).test(details);
  return {
    device,
    master,
    state,
    hairpin: on('hairpin'),
    learning: !off('learning'),
    flood: !off('flood'),
    isolated: on('isolated'),
  };
}

/** `bridge [-json] vlan show`. */
export function readBridgeVlans(file: string, text: string): Parsed<readonly BridgeVlan[]> {
  const found: BridgeVlan[] = [];
  const problems: Problem[] = [];
  if (isJson(text)) {
    for (const row of records(jsonRoot(file, text, problems))) {
      const device = textOf(member(row, 'ifname')) ?? '';
      for (const vlan of items(member(row, 'vlans'))) {
        const from = numberOf(member(vlan, 'vlan'));
        if (from === undefined) continue;
        const flags = items(member(vlan, 'flags')).map((flag) => String(flag.value));
        found.push({
          device,
          from,
          to: numberOf(member(vlan, 'vlanEnd')) ?? from,
          pvid: flags.includes('PVID'),
          untagged: flags.includes('Egress Untagged'),
        });
      }
    }
    return { value: found, problems };
  }
  const lines = linesOf(file, text);
  let device = '';
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || /^port\s+vlan/.test(line)) continue;
    const match = /^(\S+)?\s+(?:(\d+)(?:-(\d+))?|None)(.*)$/.exec(line);
    if (match === null) {
      complain(lines, i, line, 'This is no line of `bridge vlan`');
      continue;
    }
    device = match[1] ?? device;
    if (match[2] === undefined) continue;
    const from = Number(match[2]);
    const rest = match[4] ?? '';
    found.push({
      device,
      from,
      to: match[3] === undefined ? from : Number(match[3]),
      pvid: rest.includes('PVID'),
      untagged: rest.includes('Untagged'),
    });
  }
  return { value: found, problems: [...problems, ...lines.problems] };
}

/** `brctl show`: which device is a port of which bridge; nothing else of a port is printed. */
export function readBrctl(file: string, text: string): Parsed<readonly BridgePort[]> {
  const lines = linesOf(file, text);
  const found: BridgePort[] = [];
  let bridge: string | undefined;
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || line.startsWith('bridge name') || line.startsWith('#')) continue;
    const more = /^\s+(\S+)$/.exec(line);
    const head = /^(\S+)\s+(\S.*?)\s+(yes|no)(?:\s+(\S+))?\s*$/.exec(line);
    const port = more?.[1] ?? head?.[4];
    if (head !== null) bridge = head[1];
    else if (more === null || bridge === undefined) {
      complain(lines, i, line, 'This is no line of `brctl show`');
      continue;
    }
    if (port !== undefined) found.push(portWith(port, bridge ?? '', 'forwarding', ''));
  }
  return { value: found, problems: lines.problems };
}
