/**
 * Everything in a text that could be one of a cloud's addresses or ids, renamed. One expression
 * reads the text once, so that what was renamed is never read again.
 */
import { type Addresses } from './addresses.ts';
import { type DigitTree } from './trees.ts';

const HEX = '[0-9a-fA-F]';
const V4 = String.raw`\d{1,3}(?:\.\d{1,3}){3}`;

/** What stands before an address with colons: no part of one, but perhaps a word with a colon. */
const BEFORE = String.raw`(?<![\w.]|(?<!set_field|[g-zG-Z_]):)`;

/** Alternatives in their order: the first that fits is taken. */
const FORMS = new RegExp(
  [
    // A tunnel's port is named by the other end's address (ovs_neutron_agent.py get_tunnel_name).
    String.raw`(?<![\w-])(?<tunnel>(?:vxlan|gre|geneve)-)(?<far>[0-9a-f]{8})(?![\w-])`,
    String.raw`(?<word>(?:load|set_field):0x)(?<number>[0-9a-f]+)(?<field>->(?:NXM_OF_ARP_[ST]PA|NXM_OF_IP_(?:SRC|DST)|NXM_NX_ARP_[ST]HA|NXM_OF_ETH_(?:SRC|DST)|NXM_NX_ND_(?:TARGET|SLL|TLL)|NXM_NX_IPV6_(?:SRC|DST))\[\])`,
    String.raw`(?<id>[0-9a-f]{8}(?:-[0-9a-f]{1,4}){1,3}(?:-[0-9a-f]{1,12})?)`,
    String.raw`(?<![\w])(?<digits>[0-9a-f]{32})(?![\w])`,
    `${BEFORE}(?<mac>(?:${HEX}{1,2}:){5}${HEX}{1,2})(?![\\w:])`,
    `${BEFORE}(?<six>(?:${HEX}{0,4}:){2,7}(?:${V4}|${HEX}{0,4}))(?<sixTail>/\\d{1,3})?(?![\\w:])`,
    `(?<dashes>host-)(?<parts>\\d{1,3}(?:-\\d{1,3}){3})(?!\\d)`,
    `(?<![\\w.-])(?<four>${V4})(?<fourTail>/(?:${V4}|\\d{1,2}))?(?!\\.?\\w)`,
  ].join('|'),
  'g',
);

const NO_GROUPS: Readonly<Record<string, string | undefined>> = {};

/** The text with addresses and ids renamed. */
export function renamedText(text: string, addresses: Addresses, ids: DigitTree): string {
  return text.replace(FORMS, (...match: unknown[]): string => {
    const last = match.at(-1);
    const g = typeof last === 'object' && last !== null ? (last as typeof NO_GROUPS) : NO_GROUPS;
    if (g['far'] !== undefined) {
      const to = addresses.v4(BigInt(`0x${g['far']}`));
      return `${g['tunnel']}${to.toString(16).padStart(8, '0')}`;
    }
    if (g['number'] !== undefined) return `${g['word']}${loaded(g, addresses)}${g['field']}`;
    if (g['id'] !== undefined) return ids.renamed(g['id']);
    if (g['digits'] !== undefined) return ids.renamed(g['digits']);
    if (g['mac'] !== undefined) return addresses.macText(g['mac']);
    if (g['six'] !== undefined) return addresses.v6Text(g['six'], g['sixTail'] ?? '');
    if (g['parts'] !== undefined) {
      const to = addresses.v4Text(g['parts'].replaceAll('-', '.'), '');
      return `${g['dashes']}${to.replaceAll('.', '-')}`;
    }
    return addresses.v4Text(g['four'] ?? '', g['fourTail'] ?? '');
  });
}

/** An address that a flow writes as a number. */
function loaded(g: typeof NO_GROUPS, addresses: Addresses): string {
  const value = BigInt(`0x${g['number']}`);
  const field = g['field'] ?? '';
  const to = /_ETH_|_[ST]HA|_[ST]LL/.test(field)
    ? addresses.mac(value)
    : /IPV6|ND_TARGET/.test(field)
      ? addresses.v6(value)
      : addresses.v4(value);
  return to.toString(16);
}
