/**
 * Devices, addresses, routes, rules, neighbours, FDB entries and settings of a namespace, in the
 * lines and the order in which `hopwise apply` changes them.
 */
import { electedItems } from '../../apply/state/daemons.ts';
import { namespaceItems } from '../../apply/state/namespace.ts';
import { deviceActions } from '../../apply/steps/devices.ts';
import { type Pair } from '../../apply/steps/pairs.ts';
import { type Action, type Item, type ItemKind, idOf } from '../../apply/types.ts';
import { writeMac } from '../../text/address-text.ts';
import { type Difference } from '../../verify/configuration/types.ts';
import { byPlace, inSpace } from './lines.ts';
import { spaceEdit } from './space-edit.ts';
import { type Mend, type Mender, type Sides } from './types.ts';

/** What of a namespace each part of a comparison is about. */
const KINDS: Readonly<Record<string, readonly ItemKind[]>> = {
  devices: ['device', 'member'],
  addresses: ['address'],
  routes: ['route'],
  rules: ['rule'],
  neighbours: ['neighbour'],
  fdb: ['fdb'],
  settings: ['sysctl'],
};

/** Settings that the comparison reads (ip-sysctl.rst); others are the operator's. */
const DECIDES =
  /\.(ip_forward|forwarding|rp_filter|arp_ignore|proxy_arp|proxy_arp_pvlan|accept_local|route_localnet|src_valid_mark)$|bridge-nf-call-ip6?tables$/;

export const spaceMends: Mender = (sides, differences) => {
  return byPlace(differences).flatMap((group): readonly Mend[] => {
    const { device, part } = group[0]!;
    const kinds = KINDS[part];
    if (kinds === undefined) return [];
    const pairs = pairsIn(sides, device, kinds).filter((pair) => isTold(pair, group));
    const gone = part === 'routes' ? lostRoutes(group) : [];
    const text = group
      .flatMap(({ a, b }) => [a?.text, b?.text].filter((one) => one !== undefined))
      .join('\n');
    if (pairs.length + gone.length === 0) return [];
    const host = sides.real.host.name;
    return [
      {
        host,
        device,
        part,
        text,
        lines: [
          ...deviceActions(device, pairs, false)
            .flatMap(linesOf)
            .filter((line) => !isSo(sides, device, line)),
          ...gone.map((words) => inSpace(device, `ip route add ${words}`)),
        ],
        edits: [spaceEdit(sides, device, pairs)],
      },
    ];
  });
};

/** What the items of some kinds differ in. */
function pairsIn(
  { real, made }: Sides,
  device: string,
  kinds: readonly ItemKind[],
): readonly Pair[] {
  const [old, to] = [real, made].map(({ network, host }) => {
    const namespace = host.namespaces.get(device);
    const all = namespace === undefined ? [] : namespaceItems({ network, host, namespace });
    // What keepalived gives and takes is nobody's to set by hand.
    const elected = electedItems(host);
    const items = all.filter((item) => !elected(item));
    return new Map(
      items.filter(({ kind }) => kinds.includes(kind)).map((item) => [idOf(item), item]),
    );
  }) as [Map<string, Item>, Map<string, Item>];
  return [...new Set([...old.keys(), ...to.keys()])].flatMap((id): readonly Pair[] => {
    const [before, after] = [old.get(id) ?? null, to.get(id) ?? null];
    return before?.text === after?.text ? [] : [{ old: before, to: after }];
  });
}

/** Whether a difference that counts tells of the item: agents draw some of what differs. */
function isTold({ old, to }: Pair, group: readonly Difference[]): boolean {
  const item = (to ?? old)!;
  const texts = group.flatMap(({ a, b }) => [a?.text, b?.text]).filter((one) => one !== undefined);
  switch (item.kind) {
    case 'address': {
      const { device, address } = item.data;
      return texts.some((text) => text.startsWith(address) && text.endsWith(` on ${device}`));
    }
    case 'route':
    case 'fdb': {
      const [first = '', second = ''] = item.data.words.split(' ');
      return texts.some((text) => text.startsWith(`${first} ${second}`));
    }
    case 'rule':
      return texts.some((text) =>
        item.data.words.includes(text.replace(/^\d+: /, '').split(' lookup ')[0]!),
      );
    case 'neighbour':
      return texts.some((text) => text.startsWith(item.data.words.split(' ')[0]!));
    case 'sysctl':
      return to !== null && old !== null && DECIDES.test(item.key);
    case 'device':
    case 'member':
      // A device that is not there as a whole brings more than itself.
      return (
        to !== null &&
        (item.kind === 'member' || old !== null) &&
        texts.some((text) => text.startsWith(`${item.key} `))
      );
    default:
      return false;
  }
}

/** Routes of an interface's own prefix that are gone although the interface is there. */
function lostRoutes(group: readonly Difference[]): readonly string[] {
  return group.flatMap(({ kind, b }) => {
    const words = /^no route to (\S+ dev \S+)$/.exec(kind === 'extra' ? (b?.text ?? '') : '')?.[1];
    return words === undefined ? [] : [words];
  });
}

/** Whether a line about a device says what it is already: only what differs is told. */
function isSo({ real }: Sides, device: string, line: string): boolean {
  const [, name, what, value] = / link set dev (\S+) (address|mtu|up)(?: (\S+))?$/.exec(line) ?? [];
  const faces = real.host.namespaces.get(device)?.state.interfaces ?? [];
  const face = faces.find((each) => each.name === name);
  if (face === undefined) return false;
  if (what === 'address') return writeMac(face.mac) === value;
  return what === 'mtu' ? String(face.mtu) === value : face.up;
}

function linesOf(action: Action): readonly string[] {
  switch (action.kind) {
    case 'ip':
      return action.lines.map((line) => inSpace(action.namespace, `ip ${line}`));
    case 'bridge':
      return action.lines.map((line) => inSpace(action.namespace, `bridge ${line}`));
    case 'sysctl':
      return action.values.map(([name, value]) =>
        inSpace(action.namespace, `sysctl -w ${name}=${value}`),
      );
    default:
      return [];
  }
}
