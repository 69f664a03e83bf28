/** Faults of a kernel's interfaces, bridges and VXLAN devices. */
import { isRecord } from '../../../text/json-text.ts';
import { type DumpTexts, inNamespaces, type Row, rewriteRows } from './dump.ts';
import { type EditRow, type EditWords } from './edit-row.ts';

/** Rows of an interface, in the listings of links and of addresses. */
function changeDevice(
  files: DumpTexts,
  words: EditWords,
  change: (row: Row) => Row | undefined,
): number {
  const where = (file: string): ((name: string) => boolean) =>
    inNamespaces(words.one('host'), words.optional('namespace'), file);
  const own = (row: Row): Row | undefined =>
    row['ifname'] === words.one('device') ? change(row) : row;
  return (
    rewriteRows(files, where('ip-link.json'), own) + rewriteRows(files, where('ip-addr.json'), own)
  );
}

function changeBridgePort(
  files: DumpTexts,
  words: EditWords,
  change: (row: Row) => Row | undefined,
): number {
  return rewriteRows(files, inNamespaces(words.one('host'), null, 'bridge-link.json'), (row) =>
    row['ifname'] === words.one('device') ? change(row) : row,
  );
}

function withoutFlags(row: Row, flags: RegExp): readonly unknown[] {
  const own = Array.isArray(row['flags']) ? row['flags'] : [];
  return own.filter((flag) => !flags.test(String(flag)));
}

function changeInfo(row: Row, name: string, value: string): Row {
  const info = isRecord(row['linkinfo']) ? row['linkinfo'] : {};
  const data = isRecord(info['info_data']) ? info['info_data'] : {};
  const typed = /^\d+$/.test(value)
    ? Number(value)
    : value === 'true' || value === 'false'
      ? value === 'true'
      : value;
  return { ...row, linkinfo: { ...info, info_data: { ...data, [name]: typed } } };
}

function changeFdb(
  files: DumpTexts,
  words: EditWords,
  change: (row: Row) => Row | undefined,
): number {
  return rewriteRows(files, inNamespaces(words.one('host'), null, 'bridge-fdb.json'), (row) =>
    row['mac'] === words.one('mac') ? change(row) : row,
  );
}

export const linkEdits = {
  link_down: {
    says: 'An interface is administratively down.',
    needs: ['host', 'device'],
    may: ['namespace'],
    apply: (files, words) =>
      changeDevice(files, words, (row) => ({
        ...row,
        flags: withoutFlags(row, /^(UP|LOWER_UP)$/),
        operstate: 'DOWN',
      })),
  },
  no_carrier: {
    says: 'An interface is up and has no carrier.',
    needs: ['host', 'device'],
    may: ['namespace'],
    apply: (files, words) =>
      changeDevice(files, words, (row) => ({
        ...row,
        flags: ['NO-CARRIER', ...withoutFlags(row, /^LOWER_UP$/)],
        operstate: 'DOWN',
      })),
  },
  lose_device: {
    says: 'An interface does not exist.',
    needs: ['host', 'device'],
    may: ['namespace'],
    apply: (files, words) =>
      changeDevice(files, words, () => undefined) + changeBridgePort(files, words, () => undefined),
  },
  set_mtu: {
    says: 'An interface has another MTU.',
    needs: ['host', 'device', 'mtu'],
    may: ['namespace'],
    apply: (files, words) =>
      changeDevice(files, words, (row) => ({ ...row, mtu: Number(words.one('mtu')) })),
  },
  set_mac: {
    says: 'An interface has another MAC address.',
    needs: ['host', 'device', 'mac'],
    may: ['namespace'],
    apply: (files, words) =>
      changeDevice(files, words, (row) => ({ ...row, address: words.one('mac') })),
  },
  set_detail: {
    says: 'A VXLAN, VLAN or bridge device has another setting.',
    needs: ['host', 'device', 'name', 'value'],
    may: ['namespace'],
    apply: (files, words) =>
      changeDevice(files, words, (row) => changeInfo(row, words.one('name'), words.one('value'))),
  },
  join_bridge: {
    says: 'An interface became a port of a Linux bridge.',
    needs: ['host', 'device', 'bridge'],
    may: [],
    apply: (files, words) => {
      const master = words.one('bridge');
      const row = { ifname: words.one('device'), flags: ['UP', 'LOWER_UP'], mtu: 1500, master };
      const rows = inNamespaces(words.one('host'), 'root', 'bridge-link.json');
      for (const [name, read] of [...files]) {
        if (!rows(name)) continue;
        const known: unknown = JSON.parse(read());
        const all = Array.isArray(known) ? known : [];
        files.set(name, () => JSON.stringify([...all, { ...row, state: 'forwarding' }]));
      }
      return changeDevice(files, words, (each) => ({ ...each, master }));
    },
  },
  leave_bridge: {
    says: 'An interface is no port of its Linux bridge any more.',
    needs: ['host', 'device'],
    may: [],
    apply: (files, words) =>
      changeBridgePort(files, words, () => undefined) +
      changeDevice(files, words, ({ master: _, ...row }) => row),
  },
  block_bridge_port: {
    says: 'A port of a Linux bridge does not forward.',
    needs: ['host', 'device'],
    may: [],
    apply: (files, words) =>
      changeBridgePort(files, words, (row) => ({ ...row, state: 'blocking' })),
  },
  lose_fdb: {
    says: 'Forwarding entries of a MAC are gone.',
    needs: ['host', 'mac'],
    may: ['to'],
    apply: (files, words) => {
      const to = words.optional('to');
      return changeFdb(files, words, (row) => (to === null || row['dst'] === to ? undefined : row));
    },
  },
  set_fdb: {
    says: 'A forwarding entry of a VXLAN device leads to another host.',
    needs: ['host', 'mac', 'to'],
    may: [],
    apply: (files, words) =>
      changeFdb(files, words, (row) => ('dst' in row ? { ...row, dst: words.one('to') } : row)),
  },
} as const satisfies Record<string, EditRow>;
