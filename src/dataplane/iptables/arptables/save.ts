/**
 * Rules about ARP packets (arptables(8)): their options and the text of `arptables-save`.
 */
import { type Parsed } from '../../../text/problem.ts';
import { type MaskedMac, maskedMac } from '../ebtables/rows.ts';
import { writeMac } from '../text/address.ts';
import {
  type Codec,
  choice,
  decimal,
  hexadecimal,
  host,
  hostOrNetwork,
  interfaceName,
  mac,
  readNumber,
  word,
} from '../text/codec.ts';
import {
  type Dialect,
  type FlatOption,
  type FlatRule,
  type FlatTable,
  opaqueWords,
  parseFlat,
  printFlat,
  printFlatRule,
} from '../text/flat.ts';
import { option } from '../text/options.ts';

const NOT = { not: true } as const;

/** A MAC address, always written in digits. */
const arpMac: Codec<MaskedMac> = {
  ...maskedMac,
  write({ value, mask }) {
    const plain = mask === ALL_MACS;
    return ` ${writeMac(value)}${plain ? '' : `/${writeMac(mask)}`}`;
  },
};
const ALL_MACS = 0xffff_ffff_ffffn;

/** A number in hexadecimal without its mark: `ff`. */
const bareHex: Codec<number> = {
  words: 1,
  read([given = '']) {
    const value = readNumber(given.startsWith('0x') ? given : `0x${given}`, 0xffff_ffff);
    return value === null ? { bad: 'not a mark' } : { value };
  },
  write: (value) => ` ${value.toString(16)}`,
  examples: [1, 0xff],
};

/** Conditions, named after the fields of RFC 826. */
const ARP_CONDITIONS = {
  in: option('-i', interfaceName, 'The interface it came in by.', {
    not: true,
    aka: ['--in-interface'],
  }),
  out: option('-o', interfaceName, 'The interface it leaves by.', {
    not: true,
    aka: ['--out-interface'],
  }),
  source: option('-s', hostOrNetwork, 'The sender address.', { not: true, aka: ['--source-ip'] }),
  sourceMac: option('--src-mac', arpMac, 'The sender MAC.', { not: true, aka: ['--source-mac'] }),
  destination: option('-d', hostOrNetwork, 'The target address.', {
    not: true,
    aka: ['--destination-ip'],
  }),
  destinationMac: option('--dst-mac', arpMac, 'The target MAC.', {
    not: true,
    aka: ['--destination-mac'],
  }),
  hardwareLength: option('--h-length', decimal(255), 'Length of the MAC addresses.', {
    not: true,
    aka: ['-l', '--arhln'],
  }),
  operation: option('--opcode', decimal(0xffff), 'The operation.', NOT),
  hardwareType: option('--h-type', decimal(0xffff), 'Hardware type.', NOT),
  protocolType: option('--proto-type', hexadecimal(0xffff), 'Protocol type.', NOT),
  opaque: opaqueWords,
} as const;

/** Settings of targets. */
const ARP_SETTINGS = {
  sourceAddress: option('--mangle-ip-s', host, 'mangle: the new sender address.'),
  destinationAddress: option('--mangle-ip-d', host, 'mangle: the new target address.'),
  sourceMac: option('--mangle-mac-s', mac, 'mangle: the new sender MAC.'),
  destinationMac: option('--mangle-mac-d', mac, 'mangle: the new target MAC.'),
  next: option(
    '--mangle-target',
    choice('ACCEPT', 'DROP', 'CONTINUE'),
    'mangle: what happens next.',
  ),
  class: option('--set-class', word, 'CLASSIFY: the class.'),
  mark: option('--set-mark', bareHex, 'MARK: the new mark.'),
  markAnd: option('--and-mark', bareHex, 'MARK: bits that are kept.'),
  markOr: option('--or-mark', bareHex, 'MARK: bits that are set.'),
} as const;

export type ArpCondition = FlatOption<typeof ARP_CONDITIONS>;
export type ArpSetting = FlatOption<typeof ARP_SETTINGS>;
export type ArpRule = FlatRule<ArpCondition, ArpSetting>;
export type ArpTable = FlatTable<ArpCondition, ArpSetting>;

/** The order in which arptables-save prints conditions. */
const KINDS = Object.keys(ARP_CONDITIONS);

const ARPTABLES: Dialect = {
  conditions: ARP_CONDITIONS,
  settings: ARP_SETTINGS,
  targets: ['ACCEPT', 'DROP', 'RETURN', 'QUEUE', 'mangle', 'CLASSIFY', 'MARK'],
  tables: ['filter'],
  bangInside: false,
  targetFirst: true,
  otherwise: null,
  canonical: (conditions, settings) => ({
    conditions: conditions.toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind)),
    settings,
  }),
};

/** Reads `arptables-save [-c]`. `file` only names the origin. Never throws. */
export function parseArptablesSave(text: string, file: string): Parsed<readonly ArpTable[]> {
  const { value, problems } = parseFlat(text, file, ARPTABLES);
  // Options were read by the codecs of these rows, so they have the types of these rows.
  return { value: value as unknown as readonly ArpTable[], problems };
}

/** Prints tables as `arptables-save` does, with `-c` if `counters`. */
export function printArptablesSave(tables: readonly ArpTable[], counters = false): string {
  return printFlat(tables, ARPTABLES, counters);
}

/** One rule, without `-A CHAIN`. */
export function printArpRule(rule: ArpRule): string {
  return printFlatRule(rule, ARPTABLES);
}
