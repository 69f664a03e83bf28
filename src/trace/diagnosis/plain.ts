/**
 * Drops that need no detective: the element's own reason, told with the names of this case and
 * with the command that shows it on the live host.
 */
import { REASONS, type Reason } from '../../reasons/codes.ts';
import { writeIp } from '../../text/address-text.ts';
import { routerOfNamespace, routerRef } from '../objects.ts';
import { type Case, type Finding, type Tuple, tupleOf } from './case.ts';
import { inNamespace, onHost, word } from './commands.ts';
import { ownerText, serviceText } from './group-rules.ts';

/** Always an answer: the last of the diagnoses. */
export function plainFinding(of: Case): Finding {
  const { network } = of.compiled;
  const { drop, words } = of;
  const tuple = tupleOf(words);
  const router = routerOfNamespace(network, of.device);
  const because = sentence(of, tuple);
  return {
    code: drop.reason,
    because: [because],
    neutron: router === null ? [] : [routerRef(router)],
    confirm: confirm(of, tuple),
  };
}

function sentence(of: Case, tuple: Tuple | null): string {
  const { network } = of.compiled;
  const { drop } = of;
  const place = placeText(of);
  const to = tuple === null ? '' : ` to ${ownerText(network, tuple.destination)}`;
  const from = tuple === null ? '' : ` from ${ownerText(network, tuple.source)}`;
  switch (drop.reason) {
    case 'NO_ROUTE':
      return `${place} has no route${to}`;
    case 'ROUTE_REFUSES':
      return `a route of ${place} refuses packets${to}: ${drop.evidence}`;
    case 'IP_FORWARD_OFF':
      return `${place} does not forward packets (net.ipv4.ip_forward or its interface’s forwarding is 0)`;
    case 'RP_FILTER':
      return `${place} refuses packets${from} there: ${drop.evidence}`;
    case 'NOT_LISTENING':
      return `${place} received the packet, but nothing listens on ${tuple === null ? 'it' : serviceText(tuple)}`;
    case 'INTERFACE_DOWN':
      return `${drop.where} on ${of.host}: ${drop.evidence}`;
    case 'TTL_EXPIRED':
      return `the TTL ran out at ${place}`;
    case 'SNAPSHOT_INCOMPLETE':
      return drop.evidence;
    case 'CT_INVALID':
      return `connection tracking of ${place} finds it invalid: it saw no beginning of this connection, or only one direction`;
    default:
      return `${lowered(REASONS[drop.reason].sentence)} (${of.host}: ${drop.where})`;
  }
}

/** The place in words: a router by its name, a guest by its server's. */
function placeText({ compiled, host, device, question }: Case): string {
  const router = routerOfNamespace(compiled.network, device);
  if (router !== null) return `router ${router.name === '' ? router.id : router.name} on ${host}`;
  const end = compiled.network.endpoints.find(
    (one) => one.host === host && one.namespace === device && one.role === 'vm',
  );
  if (end !== undefined) return end.name;
  if (question.from.host === host && question.from.namespace === device) return question.from.label;
  return device === 'root' || device === 'ovs' ? host : `${device} on ${host}`;
}

/** A sentence inside of another one; words of capitals alone stay as they are. */
function lowered(text: string): string {
  const rest = text.replace(/\.$/, '');
  return /^[A-Z]{2}/.test(rest) ? rest : rest.charAt(0).toLowerCase() + rest.slice(1);
}

const ROUTING: ReadonlySet<Reason> = new Set([
  'NO_ROUTE',
  'ROUTE_REFUSES',
  'RP_FILTER',
  'MARTIAN_ADDRESS',
]);

function confirm(of: Case, tuple: Tuple | null): readonly string[] {
  const { drop, host, device } = of;
  if (device === 'ovs') {
    const [, bridge, table] = /^(\S+) table (\d+)$/.exec(drop.where) ?? [];
    return bridge === undefined
      ? []
      : [onHost(host, `ovs-ofctl dump-flows ${bridge} table=${table}`)];
  }
  if (/^(guest |vm-)/.test(device)) return [];
  if (ROUTING.has(drop.reason) && tuple !== null) {
    return [inNamespace(host, device, `ip route get ${writeIp(tuple.destination)}`)];
  }
  switch (drop.reason) {
    case 'IP_FORWARD_OFF':
      return [inNamespace(host, device, 'sysctl net.ipv4.ip_forward')];
    case 'NOT_LISTENING':
      return [inNamespace(host, device, 'ss -lntu')];
    case 'INTERFACE_DOWN':
    case 'MTU_EXCEEDED_DF':
    case 'MTU_BLACKHOLE_NO_ICMP':
      return [inNamespace(host, device, 'ip -s link')];
    case 'IPT_RULE_DROP':
    case 'IPT_REJECT':
    case 'IPT_CHAIN_POLICY_DROP': {
      const [table, chain] = drop.where.split(' ').slice(-2);
      const list = `iptables -t ${word(table ?? 'filter')} -vnL ${word(chain ?? '')}`;
      return [inNamespace(host, device, list.trimEnd())];
    }
    default:
      return [];
  }
}
