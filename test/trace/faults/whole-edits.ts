/**
 * Faults as a host shows them in every file at once: what the kernel and the switch do by
 * themselves when a link goes down, a namespace is deleted, a program ends.
 */
import { changedRows, type Edit, rewrite, type Texts } from './edits.ts';

type Row = Record<string, unknown>;

function readRows(texts: Texts, path: string): readonly Row[] {
  return JSON.parse(texts.get(path) ?? '[]') as readonly Row[];
}

/** Rows of a file of one namespace, where it is there; nothing has to change. */
function mayChangeRows(texts: Texts, path: string, change: (row: Row) => Row | undefined): void {
  if (!texts.has(path)) return;
  const rows = readRows(texts, path).flatMap((row) => change({ ...row }) ?? []);
  texts.set(path, JSON.stringify(rows));
}

/** The namespace that a host calls by this number. */
function namespaceOfId(texts: Texts, host: string, id: unknown): string | undefined {
  const list = texts.get(`hosts/${host}/netns-list.txt`) ?? '';
  return new RegExp(`^(\\S+) \\(id: ${String(id)}\\)$`, 'm').exec(list)?.[1];
}

/**
 * `ip link set DEVICE down`: its flags, its bridge port, the routes by it, the other end of a
 * veth pair, which has lost its carrier, and what the switch says of either.
 */
export function setDown(host: string, namespace: string, device: string): Edit {
  return (texts) => {
    const top = `hosts/${host}/ns/${namespace}`;
    const own = readRows(texts, `${top}/ip-link.json`).find(({ ifname }) => ifname === device);
    if (own === undefined) throw new Error(`no ${device} in ${top}`);
    const down = (row: Row): Row =>
      row['ifname'] === device
        ? { ...row, flags: without(row, /^(UP|LOWER_UP)$/), operstate: 'DOWN' }
        : row;
    mayChangeRows(texts, `${top}/ip-link.json`, down);
    mayChangeRows(texts, `${top}/ip-addr.json`, down);
    mayChangeRows(texts, `${top}/bridge-link.json`, (row) =>
      row['ifname'] === device || row['master'] === device
        ? { ...down(row), state: 'disabled' }
        : row,
    );
    // Local addresses stay in the table `local` (net/ipv4/fib_semantics.c fib_sync_down_dev()).
    for (const file of ['ip-route-v4.json', 'ip-route-v6.json']) {
      mayChangeRows(texts, `${top}/${file}`, (row) =>
        row['dev'] === device && row['table'] !== 'local' ? undefined : row,
      );
    }
    shownDown(texts, host, device);
    const peer = peerOf(texts, host, namespace, own);
    if (peer !== undefined) silence(texts, host, peer.namespace, peer.device);
  };
}

function without(row: Row, flags: RegExp): readonly string[] {
  return ((row['flags'] ?? []) as readonly string[]).filter((flag) => !flags.test(flag));
}

/** The other end of a veth pair, in this namespace or in another one of the host. */
function peerOf(
  texts: Texts,
  host: string,
  namespace: string,
  own: Row,
): { readonly namespace: string; readonly device: string } | undefined {
  if ((own['linkinfo'] as Row | undefined)?.['info_kind'] !== 'veth') return undefined;
  if (typeof own['link'] === 'string') return { namespace, device: own['link'] };
  const from = namespace === 'root' ? namespaceOfId(texts, host, own['link_netnsid']) : 'root';
  if (from === undefined) return undefined;
  const index = own['link_index'];
  const rows = readRows(texts, `hosts/${host}/ns/${from}/ip-link.json`);
  const found = rows.find(
    (row) => row['ifindex'] === index && row['link_index'] === own['ifindex'],
  );
  return found === undefined ? undefined : { namespace: from, device: String(found['ifname']) };
}

/** Up, but without carrier: what the other end of a veth pair becomes. */
function silence(texts: Texts, host: string, namespace: string, device: string): void {
  const top = `hosts/${host}/ns/${namespace}`;
  const silent = (row: Row): Row =>
    row['ifname'] === device
      ? {
          ...row,
          flags: ['NO-CARRIER', ...without(row, /^LOWER_UP$/)],
          operstate: 'LOWERLAYERDOWN',
        }
      : row;
  for (const file of ['ip-link', 'ip-addr']) mayChangeRows(texts, `${top}/${file}.json`, silent);
  mayChangeRows(texts, `${top}/bridge-link.json`, (row) =>
    row['ifname'] === device ? { ...silent(row), state: 'disabled' } : row,
  );
  for (const file of ['ip-route-v4.json', 'ip-route-v6.json']) {
    mayChangeRows(texts, `${top}/${file}`, (row) =>
      row['dev'] === device && row['table'] !== 'local'
        ? { ...row, flags: [...((row['flags'] ?? []) as readonly string[]), 'linkdown'] }
        : row,
    );
  }
}

/** What a switch's listing says of a port whose device is down. */
function shownDown(texts: Texts, host: string, device: string): void {
  const entry = new RegExp(
    `(^ \\w+\\(${device}\\):.*\\n     config: +)\\S+\\n(     state: +)\\S+`,
    'm',
  );
  for (const [name, text] of texts) {
    if (!name.startsWith(`hosts/${host}/ovs/`) || !name.endsWith('.of-show.txt')) continue;
    texts.set(name, text.replace(entry, '$1PORT_DOWN\n$2LINK_DOWN'));
  }
}

/** A namespace that is gone, with what its veth ends had in the host. */
export function lostNamespace(host: string, namespace: RegExp): Edit {
  const path = new RegExp(`^hosts/${host}/ns/(?:${namespace.source})/`);
  return (texts) => {
    const gone = [...texts.keys()].filter((name) => path.test(name));
    if (gone.length === 0) throw new Error(`no namespace ${String(namespace)} on ${host}`);
    for (const name of gone) texts.delete(name);
    rewrite(new RegExp(`^hosts/${host}/netns-list\\.txt$`), (text) =>
      text.replace(new RegExp(`^(?:${namespace.source}) \\(id: \\d+\\)\\n?`, 'm'), ''),
    )(texts);
  };
}

/** A program that does not run: neither its command line nor its sockets are there. */
export function stopped(host: string, process: string, namespace: RegExp, command: RegExp): Edit {
  return (texts) => {
    rewrite(new RegExp(`^hosts/${host}/daemon-cmdlines\\.txt$`), (text) =>
      text
        .split('\n')
        .filter((line) => !command.test(line))
        .join('\n'),
    )(texts);
    rewrite(new RegExp(`^hosts/${host}/ns/(?:${namespace.source})/ss-listen\\.txt$`), (text) =>
      text
        .split('\n')
        .filter((line) => !line.includes(`"${process}"`))
        .join('\n'),
    )(texts);
  };
}

/** One option of a tunnel port, in the database and in what `ovs-vsctl show` prints. */
export function tunnelOption(host: string, port: string, key: string, value: string): Edit {
  const path = new RegExp(`^hosts/${host}/ovs/(?:ovsdb-dump|list-Interface)\\.json$`);
  return rewrite(path, (text) =>
    text
      .split('\n')
      .map((line) => {
        if (!line.startsWith('{')) return line;
        const dumped = JSON.parse(line) as { headings?: string[]; data?: unknown[][] };
        const { headings, data } = dumped;
        const at = headings?.indexOf('options') ?? -1;
        const named = headings?.indexOf('name') ?? -1;
        if (data === undefined || at < 0) return line;
        for (const row of data) {
          if (row[named] !== port) continue;
          const [, pairs] = row[at] as [string, [string, string][]];
          row[at] = ['map', [...pairs.filter(([one]) => one !== key), [key, value]]];
        }
        return JSON.stringify(dumped);
      })
      .join('\n'),
  );
}

/** A row more at the end of a JSON listing. */
export function addedRow(host: string, namespace: RegExp, file: string, row: Row): Edit {
  const path = new RegExp(`^hosts/${host}/ns/(?:${namespace.source})/${file}\\.json$`);
  return rewrite(path, (text) => JSON.stringify([...(JSON.parse(text) as Row[]), row]));
}

/** The MTU of a device in both listings of the links. */
export function setMtu(host: string, namespace: RegExp, device: RegExp, bytes: number): Edit {
  const smaller = (row: Row): Row =>
    device.test(String(row['ifname'])) ? { ...row, mtu: bytes } : row;
  return (texts) => {
    changedRows(host, namespace, 'ip-link', smaller)(texts);
    changedRows(host, namespace, 'ip-addr', smaller)(texts);
  };
}

/** What Neutron's API says of an object. */
export function changedApi(kind: string, id: RegExp, change: (row: Row) => Row | undefined): Edit {
  return rewrite(new RegExp(`^api/${kind}\\.json$`), (text) => {
    const whole = JSON.parse(text) as Record<string, Row[]> | Row[];
    const alter = (rows: Row[]): Row[] =>
      rows.flatMap((row): Row[] =>
        id.test(String(row['id'])) ? [change({ ...row }) ?? []].flat() : [row],
      );
    if (Array.isArray(whole)) return JSON.stringify(alter(whole));
    return JSON.stringify(
      Object.fromEntries(Object.entries(whole).map(([key, rows]) => [key, alter(rows)])),
    );
  });
}
