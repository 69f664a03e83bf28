/**
 * Faults as edits of a dump: what a host's files would show if something were lost or wrong.
 * Every edit must change something, so that a fault that is no longer there fails its test.
 */
import { type Network } from '../../../src/dataplane/network.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { type Captured, folderOf } from '../../captured.ts';

/** Texts by path below the folder of one snapshot. */
export type Texts = Map<string, string>;

/** Changes the texts of a snapshot in place. */
export type Edit = (texts: Texts) => void;

/** A row of a JSON dump. */
type Row = Record<string, unknown>;

/** The snapshot of a phase as it would be with the edits made. */
export function injure(capture: Captured, phase: string, edits: readonly Edit[]): Network {
  const folder = capture.phaseFolder(phase) ?? '.';
  const whole = folderOf(capture.files, folder);
  const texts: Texts = new Map(
    whole.list().map((path) => [path, new TextDecoder().decode(whole.read(path))]),
  );
  for (const edit of edits) edit(texts);
  return openSnapshot(folderOf(texts, '.'));
}

/** Rewrites every file whose path matches; at least one must change. */
export function rewrite(path: RegExp, change: (text: string) => string): Edit {
  return (texts) => {
    let changed = 0;
    for (const [name, text] of texts) {
      if (!path.test(name)) continue;
      const next = change(text);
      if (next === text) continue;
      texts.set(name, next);
      changed++;
    }
    if (changed === 0) throw new Error(`nothing to change in ${String(path)}`);
  };
}

/** Takes lines out. */
export function lostLines(path: RegExp, line: RegExp): Edit {
  return rewrite(path, (text) =>
    text
      .split('\n')
      .filter((each) => !line.test(each))
      .join('\n'),
  );
}

/** Replaces text in the lines that match. */
export function changedLines(path: RegExp, line: RegExp, from: string | RegExp, to: string): Edit {
  return rewrite(path, (text) =>
    text
      .split('\n')
      .map((each) => (line.test(each) ? each.replace(from, to) : each))
      .join('\n'),
  );
}

/** Flows of a bridge that are gone. */
export function lostFlow(host: string, bridge: string, flow: RegExp): Edit {
  return lostLines(flowsOf(host, bridge), flow);
}

/** Flows of a bridge that say something else. */
export function changedFlow(
  host: string,
  bridge: string,
  flow: RegExp,
  from: string | RegExp,
  to: string,
): Edit {
  return changedLines(flowsOf(host, bridge), flow, from, to);
}

function flowsOf(host: string, bridge: string): RegExp {
  return new RegExp(`^hosts/${host}/ovs/${bridge}\\.flows\\.txt$`);
}

/**
 * Rows of a JSON array in a namespace's file, changed one by one; undefined takes a row out, and a
 * list puts several in its place.
 */
export function changedRows(
  host: string,
  namespace: RegExp,
  file: string,
  change: (row: Row) => Row | readonly Row[] | undefined,
): Edit {
  const path = new RegExp(`^hosts/${host}/ns/(?:${namespace.source})/${file}\\.json$`);
  return rewrite(path, (text) => {
    const rows = JSON.parse(text) as Row[];
    const next = rows.flatMap((row) => change({ ...row }) ?? []);
    const same = next.length === rows.length && JSON.stringify(next) === JSON.stringify(rows);
    return same ? text : JSON.stringify(next);
  });
}

/** An interface that is down: no IFF_UP, and so no address routes either. */
export function linkDown(host: string, namespace: RegExp, device: RegExp): Edit {
  const down = (row: Row): Row => {
    if (!device.test(String(row['ifname']))) return row;
    const flags = (row['flags'] as string[]).filter((flag) => !/^(UP|LOWER_UP)$/.test(flag));
    return { ...row, flags, operstate: 'DOWN' };
  };
  return (texts) => {
    changedRows(host, namespace, 'ip-link', down)(texts);
    changedRows(host, namespace, 'ip-addr', down)(texts);
  };
}

/** An interface that lost its cable: up, but without carrier. */
export function noCarrier(host: string, namespace: RegExp, device: RegExp): Edit {
  const silent = (row: Row): Row => {
    if (!device.test(String(row['ifname']))) return row;
    const flags = (row['flags'] as string[]).filter((flag) => flag !== 'LOWER_UP');
    return { ...row, flags: ['NO-CARRIER', ...flags], operstate: 'DOWN' };
  };
  return (texts) => {
    changedRows(host, namespace, 'ip-link', silent)(texts);
    changedRows(host, namespace, 'ip-addr', silent)(texts);
  };
}

export function mtu(host: string, namespace: RegExp, device: RegExp, bytes: number): Edit {
  const smaller = (row: Row): Row =>
    device.test(String(row['ifname'])) ? { ...row, mtu: bytes } : row;
  return changedRows(host, namespace, 'ip-link', smaller);
}

/** Routes whose destination matches are gone. */
export function lostRoute(host: string, namespace: RegExp, destination: RegExp): Edit {
  return changedRows(host, namespace, 'ip-route-v4', (row) =>
    destination.test(String(row['dst'])) ? undefined : row,
  );
}

/** Addresses that match are gone, and the routes they brought along. */
export function lostAddress(host: string, namespace: RegExp, address: RegExp): Edit {
  return (texts) => {
    changedRows(host, namespace, 'ip-addr', (row) => {
      const info = row['addr_info'] as Row[];
      return { ...row, addr_info: info.filter(({ local }) => !address.test(String(local))) };
    })(texts);
    changedRows(host, namespace, 'ip-route-v4', (row) =>
      address.test(String(row['prefsrc'])) ? undefined : row,
    )(texts);
  };
}

export function sysctl(host: string, namespace: RegExp, key: string, value: string): Edit {
  const path = new RegExp(`^hosts/${host}/ns/(?:${namespace.source})/sysctl\\.txt$`);
  const pattern = new RegExp(`^${key.replaceAll('.', '\\.')} = .*$`, 'm');
  return rewrite(path, (text) =>
    pattern.test(text) ? text.replace(pattern, `${key} = ${value}`) : `${text}${key} = ${value}\n`,
  );
}

/** Rules of iptables-save, ip6tables-save, ebtables-save or ipset-save that are gone. */
export function lostRule(host: string, namespace: RegExp, file: string, rule: RegExp): Edit {
  return lostLines(new RegExp(`^hosts/${host}/ns/(?:${namespace.source})/${file}\\.txt$`), rule);
}

/** One row of a table of the Open vSwitch database, by its name. */
export function changedDatabase(
  host: string,
  table: 'Bridge' | 'Port' | 'Interface',
  name: string,
  column: string,
  value: unknown,
): Edit {
  return rewriteDatabase(host, table, (headings, rows) =>
    rows.map((row) => {
      if (row[headings.indexOf('name')] !== name) return row;
      return row.map((cell, i) => (headings[i] === column ? value : cell));
    }),
  );
}

/** A port that the switch no longer has. */
export function lostPort(host: string, bridge: string, name: string): Edit {
  const without = (headings: readonly string[], rows: readonly unknown[][]): unknown[][] =>
    rows.filter((row) => row[headings.indexOf('name')] !== name);
  return (texts) => {
    rewriteDatabase(host, 'Port', without)(texts);
    rewriteDatabase(host, 'Interface', without)(texts);
    const shown = new RegExp(`^hosts/${host}/ovs/${bridge}\\.of-show\\.txt$`);
    const entry = new RegExp(`^ \\d+\\(${name}\\):.*\\n(?:     .*\\n)+`, 'm');
    rewrite(shown, (text) => text.replace(entry, ''))(texts);
  };
}

function rewriteDatabase(
  host: string,
  table: string,
  change: (headings: readonly string[], rows: readonly unknown[][]) => unknown[][],
): Edit {
  interface Dumped {
    readonly caption: string;
    readonly headings: readonly string[];
    readonly data: unknown[][];
  }
  return rewrite(new RegExp(`^hosts/${host}/ovs/ovsdb-dump\\.json$`), (text) =>
    text
      .split('\n')
      .map((line) => {
        if (!line.includes(`"caption":"${table} table"`)) return line;
        const dumped = JSON.parse(line) as Dumped;
        const data = change(dumped.headings, dumped.data);
        return JSON.stringify({ ...dumped, data });
      })
      .join('\n'),
  );
}
