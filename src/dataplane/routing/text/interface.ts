/**
 * Interfaces and their addresses, as `ip [-d] link` and `ip [-d] address` print them, as text
 * or as JSON (iproute2 `ip/ipaddress.c print_linkinfo()`, `print_addrinfo()`).
 */
import { readIp, readMac } from '../../../text/address-text.ts';
import {
  isRecord,
  items,
  type JsonNode,
  jsonRoot,
  member,
  numberOf,
  readAs,
  records,
  textOf,
} from '../../../text/json-text.ts';
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { type Interface, type InterfaceAddress } from '../types.ts';
import { isJson } from './form.ts';
import { groupOf, type InterfaceDraft, scopeOf } from './interface-draft.ts';
import { interfacesOfText } from './interface-text.ts';
import { interfacesOfIfconfig, isIfconfig } from './net-tools.ts';

/** `ip [-d] [-s] [-json] link show`, `ip [-d] [-json] address show` or `ifconfig -a`. */
export function readInterfaces(file: string, text: string): Parsed<readonly Interface[]> {
  const problems: Problem[] = [];
  const drafts = isJson(text)
    ? records(jsonRoot(file, text, problems)).map(interfaceOfJson)
    : isIfconfig(text)
      ? interfacesOfIfconfig(file, text, problems)
      : interfacesOfText(file, text, problems);
  return { value: resolveLinks(drafts), problems };
}

/**
 * One list of what `ip link` (kinds, masters, peers) and `ip address` tell; either may be
 * empty. What both know is taken from `links`, which is captured with details.
 */
export function mergeInterfaces(
  links: readonly Interface[],
  addresses: readonly Interface[],
): readonly Interface[] {
  if (links.length === 0) return addresses;
  const byName = new Map(addresses.map((each) => [each.name, each]));
  return links.map((link) => {
    const other = byName.get(link.name);
    return other === undefined || link.addresses.length > 0
      ? link
      : { ...link, addresses: other.addresses };
  });
}

/** The lower device of the same namespace is printed by name (`tap1@tap0`): find its index. */
function resolveLinks(drafts: readonly InterfaceDraft[]): readonly Interface[] {
  const index = new Map(drafts.map((draft) => [draft.name, draft.index]));
  return drafts.map(({ linkName, ...rest }) => {
    const found = linkName === null ? undefined : index.get(linkName);
    const absent = linkName !== null && found === undefined && rest.linkIndex === null;
    const linkIndex = rest.linkIndex ?? found ?? null;
    return absent ? { ...rest, linkIndex, linkName } : { ...rest, linkIndex };
  });
}

function interfaceOfJson(row: JsonNode): InterfaceDraft {
  const flags = new Set(items(member(row, 'flags')).map((flag) => String(flag.value)));
  const info = member(row, 'linkinfo');
  const details = member(info, 'info_data')?.value;
  const ethernet = textOf(member(row, 'link_type')) ?? 'ether';
  // Other link types (sit, gre) carry an IP address or nothing where Ethernet has its MAC.
  const mac = ethernet === 'ether' ? readAs(member(row, 'address'), readMac, 'a MAC address') : 0n;
  const namespace = textOf(member(row, 'link_netns'));
  return {
    ...(namespace === undefined ? {} : { linkNamespaceName: namespace }),
    ...groupOf(textOf(member(row, 'group'))),
    name: textOf(member(row, 'ifname')) ?? '',
    index: numberOf(member(row, 'ifindex')) ?? 0,
    mac: mac ?? 0n,
    mtu: numberOf(member(row, 'mtu')) ?? 1500,
    up: flags.has('UP'),
    running: flags.has('LOWER_UP'),
    loopback: flags.has('LOOPBACK'),
    promiscuous: flags.has('PROMISC'),
    kind: textOf(member(info, 'info_kind')) ?? '',
    master: textOf(member(row, 'master')) ?? null,
    linkIndex: numberOf(member(row, 'link_index')) ?? null,
    linkName: textOf(member(row, 'link')) ?? null,
    linkNamespace: numberOf(member(row, 'link_netnsid')) ?? null,
    addresses: items(member(row, 'addr_info')).flatMap(addressOfJson),
    details: { ...(isRecord(details) ? details : {}), ...slaveDetails(info) },
  };
}

/** What a bond says of its member; bridges have files of their own. */
function slaveDetails(info: JsonNode | undefined): Readonly<Record<string, unknown>> {
  if (member(info, 'info_slave_kind')?.value !== 'bond') return {};
  const data = member(info, 'info_slave_data')?.value;
  const { mii_status: status, ad_aggregator_id: aggregator } = isRecord(data)
    ? data
    : { mii_status: undefined, ad_aggregator_id: undefined };
  return {
    slave: 'bond',
    ...(status === undefined ? {} : { mii_status: status }),
    ...(aggregator === undefined ? {} : { ad_aggregator_id: aggregator }),
  };
}

function addressOfJson(row: JsonNode): InterfaceAddress[] {
  const family = textOf(member(row, 'family'));
  if (family !== 'inet' && family !== 'inet6') return [];
  const address = readAs(member(row, 'local'), readIp, 'an address');
  if (address === undefined) return [];
  const truth = (key: string): boolean => member(row, key)?.value === true;
  // With a peer `ip -json` prints it as `address`, and the length belongs to the peer.
  const peer = readAs(member(row, 'address'), readIp, 'an address');
  return [
    {
      address,
      length: numberOf(member(row, 'prefixlen')) ?? (address.version === 4 ? 32 : 128),
      peer: peer ?? null,
      scope: scopeOf(textOf(member(row, 'scope')) ?? 'global'),
      secondary: truth('secondary'),
      deprecated: truth('deprecated'),
      tentative: truth('tentative') || truth('dadfailed'),
    },
  ];
}
