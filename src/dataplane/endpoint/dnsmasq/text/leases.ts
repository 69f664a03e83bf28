/** The lease file: `EXPIRES MAC ADDRESS NAME CLIENT-ID`, after `duid …` those of DHCPv6. */
import { readIp, readMac, writeIp, writeMac } from '../../../../text/address-text.ts';
import { complain, linesOf } from '../../../../text/lines.ts';
import { type Parsed } from '../../../../text/problem.ts';
import { type DhcpLease } from '../types.ts';

/** Reads a lease file. */
export function parseLeases(text: string, file: string): Parsed<readonly DhcpLease[]> {
  const of = linesOf(file, text);
  const leases: DhcpLease[] = [];
  for (const [index, line] of of.lines.entries()) {
    if (line.trim() === '' || /^duid [0-9a-f:]+$/i.test(line)) continue;
    const [expires = '', who = '', at = '', name = '*', id = '*'] = line.split(' ');
    const address = readIp(at);
    // A hardware type other than Ethernet stands before the MAC (`06-…`).
    const mac = readMac(who.replace(/^[0-9a-f]{2}-/i, ''));
    const association = /^T?\d+$/.test(who) ? who : null;
    if (!/^\d+$/.test(expires)) complain(of, index, expires, 'expected when the lease ends');
    else if (address === undefined) complain(of, index, at || line, 'expected an address');
    else if (mac === undefined && association === null) complain(of, index, who, 'expected a MAC');
    else {
      leases.push({
        expires_s: Number(expires),
        mac: mac ?? null,
        association,
        address,
        name: name === '*' ? null : name,
        clientId: id === '*' ? null : id,
        origin: { file, line: index + 1 },
      });
    }
  }
  return { value: leases, problems: of.problems };
}

export function printLeases(leases: readonly DhcpLease[]): string {
  return leases
    .map(({ expires_s, mac, association, address, name, clientId }) => {
      const who = mac === null ? association : writeMac(mac);
      return `${expires_s} ${who} ${writeIp(address)} ${name ?? '*'} ${clientId ?? '*'}\n`;
    })
    .join('');
}
