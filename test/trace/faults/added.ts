/** Faults of too much: addresses that stand where they do not belong. */
import { changedRows, type Edit } from './edits.ts';

/** The fields of an IPv4 or IPv6 address as `ip -json addr` prints them. */
function addressRow(address: string, length: number): Record<string, unknown> {
  const family = address.includes(':') ? 'inet6' : 'inet';
  return { family, local: address, prefixlen: length, scope: 'global' };
}

/** `ip addr add ADDRESS/LENGTH dev DEVICE`, with the route to itself that the kernel adds. */
export function addedAddress(
  host: string,
  namespace: RegExp,
  device: string,
  address: string,
  length: number,
): Edit {
  const six = address.includes(':');
  return (texts) => {
    changedRows(host, namespace, 'ip-addr', (row) =>
      row['ifname'] === device
        ? {
            ...row,
            addr_info: [...(row['addr_info'] as unknown[]), addressRow(address, length)],
          }
        : row,
    )(texts);
    let added = false;
    changedRows(host, namespace, `ip-route-v${six ? 6 : 4}`, (row) => {
      if (added) return row;
      added = true;
      const local = { type: 'local', dst: address, dev: device, table: 'local', metric: 0 };
      return [row, { ...local, protocol: 'kernel', scope: 'host', prefsrc: address, flags: [] }];
    })(texts);
  };
}

/** An interface that somebody has set up. */
export function setUp(host: string, namespace: RegExp, device: string): Edit {
  const up = (row: Record<string, unknown>): Record<string, unknown> => {
    if (row['ifname'] !== device) return row;
    const flags = new Set([...(row['flags'] as string[]), 'UP', 'LOWER_UP']);
    return { ...row, flags: [...flags], operstate: 'UNKNOWN' };
  };
  return (texts) => {
    changedRows(host, namespace, 'ip-link', up)(texts);
    changedRows(host, namespace, 'ip-addr', up)(texts);
  };
}
