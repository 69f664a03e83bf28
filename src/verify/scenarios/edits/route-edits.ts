/** Faults of a namespace's addresses, routes, policy rules, neighbours and sysctls. */
import { readIp, writeIp } from '../../../text/address-text.ts';
import { type DumpTexts, inNamespaces, type Row, rewrite, rewriteRows } from './dump.ts';
import { type EditRow, type EditWords } from './edit-row.ts';

function place(words: EditWords, file: string): (name: string) => boolean {
  return inNamespaces(words.one('host'), words.optional('namespace'), file);
}

/** Rows of the listings of both IP versions. */
function bothVersions(
  files: DumpTexts,
  words: EditWords,
  file: string,
  change: (row: Row) => Row | undefined,
): number {
  return (
    rewriteRows(files, place(words, `${file}-v4.json`), change) +
    rewriteRows(files, place(words, `${file}-v6.json`), change)
  );
}

function addRow(files: DumpTexts, words: EditWords, file: string, row: Row): number {
  return rewrite(files, place(words, file), (text) => {
    const rows: unknown = JSON.parse(text);
    return JSON.stringify([...(Array.isArray(rows) ? rows : []), row]);
  });
}

function loseAddress(files: DumpTexts, words: EditWords): number {
  const address = words.one('address');
  const device = words.optional('device');
  const here = (row: Row): boolean => device === null || row['ifname'] === device;
  const addresses = rewriteRows(files, place(words, 'ip-addr.json'), (row) => {
    const own = Array.isArray(row['addr_info']) ? (row['addr_info'] as readonly Row[]) : [];
    return here(row) ? { ...row, addr_info: own.filter(({ local }) => local !== address) } : row;
  });
  // The kernel takes the routes along that it made for the address.
  const routes = bothVersions(files, words, 'ip-route', (row) =>
    row['protocol'] === 'kernel' && (row['prefsrc'] === address || row['dst'] === address)
      ? undefined
      : row,
  );
  return addresses + routes;
}

function addAddress(files: DumpTexts, words: EditWords): number {
  const [local = '', length = '32'] = words.one('address').split('/');
  const family = local.includes(':') ? 'inet6' : 'inet';
  const info = { family, local, prefixlen: Number(length), scope: 'global' };
  const dev = words.one('device');
  const own = { type: 'local', dst: local, dev, table: 'local', protocol: 'kernel', flags: [] };
  const listed = rewriteRows(files, place(words, 'ip-addr.json'), (row) =>
    row['ifname'] === dev
      ? { ...row, addr_info: [...(row['addr_info'] as readonly Row[]), info] }
      : row,
  );
  const file = family === 'inet' ? 'ip-route-v4.json' : 'ip-route-v6.json';
  const scope = family === 'inet' ? { scope: 'host', prefsrc: local } : {};
  const added = addRow(files, words, file, { ...own, ...scope });
  const dst = prefixOf(local, Number(length));
  if (dst === null) return listed + added;
  // The kernel makes a route of the prefix (net/ipv4/fib_frontend.c fib_add_ifaddr).
  const link = { dst, dev, protocol: 'kernel', scope: 'link', prefsrc: local, flags: [] };
  return listed + added + addRow(files, words, file, link);
}

/** The prefix of an IPv4 address; null where it has no route of its own. */
function prefixOf(local: string, length: number): string | null {
  const address = readIp(local);
  if (address?.version !== 4 || length >= 32) return null;
  const rest = BigInt(32 - length);
  return `${writeIp({ version: 4, value: (address.value >> rest) << rest })}/${length}`;
}

export const routeEdits = {
  lose_address: {
    says: 'An interface lost an address, and its routes with it.',
    needs: ['host', 'address'],
    may: ['device', 'namespace'],
    apply: loseAddress,
  },
  add_address: {
    says: 'An interface has an address more.',
    needs: ['host', 'namespace', 'device', 'address'],
    may: [],
    apply: addAddress,
  },
  lose_route: {
    says: 'A route is gone.',
    needs: ['host', 'to'],
    may: ['namespace', 'table'],
    apply: (files, words) => {
      const table = words.optional('table');
      return bothVersions(files, words, 'ip-route', (row) =>
        row['dst'] === words.one('to') && (table === null || row['table'] === table)
          ? undefined
          : row,
      );
    },
  },
  add_route: {
    says: 'A namespace has a route more.',
    needs: ['host', 'namespace', 'to', 'device'],
    may: ['via'],
    apply: (files, words) => {
      const gateway = words.optional('via');
      return addRow(files, words, 'ip-route-v4.json', {
        dst: words.one('to'),
        ...(gateway === null ? { scope: 'link' } : { gateway }),
        dev: words.one('device'),
        protocol: 'static',
        flags: [],
      });
    },
  },
  lose_policy_rule: {
    says: 'A policy routing rule is gone.',
    needs: ['host', 'from'],
    may: ['namespace'],
    apply: (files, words) =>
      bothVersions(files, words, 'ip-rule', (row) =>
        row['src'] === words.one('from') ? undefined : row,
      ),
  },
  set_neighbour: {
    says: 'A neighbour is known by another MAC.',
    needs: ['host', 'address', 'mac'],
    may: ['namespace'],
    apply: (files, words) =>
      bothVersions(files, words, 'ip-neigh', (row) =>
        row['dst'] === words.one('address') ? { ...row, lladdr: words.one('mac') } : row,
      ),
  },
  lose_neighbour: {
    says: 'A permanent neighbour is gone.',
    needs: ['host', 'address'],
    may: ['namespace'],
    apply: (files, words) =>
      bothVersions(files, words, 'ip-neigh', (row) =>
        row['dst'] === words.one('address') ? undefined : row,
      ),
  },
  set_sysctl: {
    says: 'A sysctl has another value.',
    needs: ['host', 'name', 'value'],
    may: ['namespace'],
    apply: (files, words) =>
      rewrite(files, place(words, 'sysctl.txt'), (text) => {
        const name = words.one('name');
        const rest = text.split('\n').filter((line) => !line.startsWith(`${name} = `));
        return [`${name} = ${words.one('value')}`, ...rest].join('\n');
      }),
  },
} as const satisfies Record<string, EditRow>;
