/** `ovs-vsctl show`: bridges, ports and interfaces with what is set apart from defaults. */
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed } from '../../../text/problem.ts';
import { unquote } from './ovsdb.ts';

export interface ShownSwitch {
  version: string;
  bridges: ShownBridge[];
}

export interface ShownBridge {
  readonly name: string;
  readonly line: number;
  failMode: string;
  datapathType: string;
  readonly controllers: string[];
  readonly ports: ShownPort[];
}

export interface ShownPort {
  readonly name: string;
  tag: number | null;
  trunks: readonly number[];
  vlanMode: string;
  readonly interfaces: ShownInterface[];
}

export interface ShownInterface {
  readonly name: string;
  type: string;
  options: Readonly<Record<string, string>>;
  error: string;
}

const KNOWN = ['Bridge', 'Port', 'Interface', 'Controller', 'Manager', 'tag', 'type', 'options'];

/** Reads by words, not by indentation: copies of this output rarely keep theirs. */
export function readVsctlShow(file: string, text: string): Parsed<ShownSwitch> {
  const lines = linesOf(file, text);
  const shown: ShownSwitch = { version: '', bridges: [] };
  let bridge: ShownBridge | undefined;
  let port: ShownPort | undefined;
  let inside: ShownInterface | undefined;
  for (const [i, line] of lines.lines.entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const [, key = '', rest = ''] = /^(\w+):?(?:\s+(.*))?$/.exec(trimmed) ?? [];
    const name = unquote(rest);
    if (key === 'Bridge') {
      bridge = {
        name,
        line: i + 1,
        failMode: '',
        datapathType: '',
        controllers: [],
        ports: [],
      };
      shown.bridges.push(bridge);
      port = undefined;
      inside = undefined;
    } else if (key === 'Port' && bridge !== undefined) {
      port = { name, tag: null, trunks: [], vlanMode: '', interfaces: [] };
      bridge.ports.push(port);
      inside = undefined;
    } else if (key === 'Interface' && port !== undefined) {
      inside = { name, type: '', options: {}, error: '' };
      port.interfaces.push(inside);
    } else if (key === 'Controller' && bridge !== undefined) bridge.controllers.push(name);
    else if (key === 'ovs_version') shown.version = name;
    else if (inside !== undefined && readInterface(inside, key, rest)) continue;
    else if (port !== undefined && readPort(port, key, rest)) continue;
    else if (bridge !== undefined && readBridge(bridge, key, rest)) continue;
    else if (!isHeading(trimmed, key)) {
      complain(
        lines,
        i,
        key === '' ? trimmed : key,
        'This line of `ovs-vsctl show` is not known',
        KNOWN,
      );
    }
  }
  return { value: shown, problems: lines.problems };
}

/** The database's UUID, managers, and what a connection says about itself. */
function isHeading(line: string, key: string): boolean {
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(line)) return true;
  return key === 'Manager' || key === 'is_connected' || key === 'Controller' || key === 'role';
}

function readInterface(to: ShownInterface, key: string, rest: string): boolean {
  if (key === 'type') to.type = unquote(rest);
  else if (key === 'options') to.options = optionsOf(rest);
  else if (key === 'error') to.error = unquote(rest);
  else return false;
  return true;
}

function readPort(to: ShownPort, key: string, rest: string): boolean {
  if (key === 'tag') to.tag = Number(rest);
  else if (key === 'trunks') to.trunks = (rest.match(/\d+/g) ?? []).map(Number);
  else if (key === 'vlan_mode') to.vlanMode = unquote(rest);
  else return key === 'bond_mode' || key === 'lacp';
  return true;
}

function readBridge(to: ShownBridge, key: string, rest: string): boolean {
  if (key === 'fail_mode') to.failMode = unquote(rest);
  else if (key === 'datapath_type') to.datapathType = unquote(rest);
  else return key === 'is_connected' || key === 'target';
  return true;
}

/** `{peer=patch-tun, remote_ip="10.0.0.1"}`. */
export function optionsOf(text: string): Readonly<Record<string, string>> {
  const found: [string, string][] = [];
  for (const [, key, value] of text.matchAll(/([\w:-]+)=("(?:[^"\\]|\\.)*"|[^,}\s]+)/g)) {
    found.push([key ?? '', unquote(value ?? '')]);
  }
  return Object.fromEntries(found);
}
