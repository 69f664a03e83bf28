/**
 * The rules of a router's namespace (neutron/agent/l3/router_info.py, dvr_*_router.py, Zed):
 * marks tell where a packet came in, address scopes forbid routing between strangers, floating
 * IPs and the gateway's own address are translated.
 */
import { type CloudSettings } from '../../model/cloud.ts';
import { METADATA_TEXT } from '../../model/metadata-address.ts';
import { type CloudAddress } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import { type AgentRules, agentRules, type TableText } from '../agent-chains.ts';

/** What came in through the gateway (`external_ingress_mark`), and its mask. */
const EXTERNAL = '0x2/0xffff';
/** Where metadata requests are taken (`metadata_access_mark`). */
const METADATA_MARK = '0x1/0xffff';
const METADATA_PORT = 9697;
const SCOPE_MASK = '0xffff0000';
const METADATA_4 = `${METADATA_TEXT[4]}/32`;
const METADATA_6 = `${METADATA_TEXT[6]}/128`;

export interface FloatingRule {
  readonly floating: CloudAddress;
  readonly fixed: CloudAddress;
  /** Address scope of the fixed address; null without one. */
  readonly scope: string | null;
}

/** The mark of an interface's address scope, upper half. */
export interface ScopeMark {
  readonly device: string;
  readonly version: 4 | 6;
  readonly mark: string;
}

/** What floating IPs cross between two address scopes. */
export interface ScopeCrossing {
  /** The external network's scope, and its mark. */
  readonly external: string | null;
  readonly mark: string;
  /** The mark of a floating IP's inner scope. */
  markOf(scope: string | null): string;
}

export interface ForwardedPort {
  readonly id: string;
  readonly floating: CloudAddress;
  readonly protocol: string;
  readonly externalPorts: readonly [number, number];
  readonly internal: CloudAddress;
  readonly internalPorts: readonly [number, number];
}

export interface RouterRules {
  /** `legacy` has everything; `dvr` translates floating IPs towards `rfp-`; `snat` the rest. */
  readonly kind: 'legacy' | 'dvr' | 'snat';
  /** `qr-…` (`sg-…` for `snat`), in order. */
  readonly internal: readonly string[];
  /** `qg-…`; for `dvr` the `rfp-…`; null without a gateway. */
  readonly external: string | null;
  /** The gateway's own IPv4 address; null without one. */
  readonly address: CloudAddress | null;
  /** Whether it stands for everybody without a floating IP (`enable_snat`). */
  readonly translates: boolean;
  readonly floating: readonly FloatingRule[];
  readonly forwarded: readonly ForwardedPort[];
  readonly metadata: boolean;
  readonly scopes: readonly ScopeMark[];
  readonly crossing: ScopeCrossing;
  readonly dialect: CloudSettings['dialect'];
}

/** `iptables-save` of the namespace. */
export function routerIptables(router: RouterRules): string {
  const rules = agentRules('neutron-l3-agent', ['mangle', 'raw', 'filter', 'nat']);
  marks(rules, router, 4);
  filters(rules, router, 4);
  translations(rules, router);
  return rules.text();
}

/** `ip6tables-save` of the namespace; floating IPs are of version 4 only. */
export function routerIp6tables(router: RouterRules): string {
  const rules = agentRules('neutron-l3-agent', ['mangle', 'raw', 'filter', 'nat'], 6);
  marks(rules, router, 6);
  filters(rules, router, 6);
  if (router.metadata) {
    rules
      .table('nat')
      .rule(
        'PREROUTING',
        `-d ${METADATA_6} -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports ${METADATA_PORT}`,
      );
  }
  return rules.text();
}

function marks(rules: AgentRules, router: RouterRules, version: 4 | 6): void {
  const mangle = rules.table('mangle');
  const { external } = router;
  const own = (chain: string): string => `-j ${mangle.chain(chain)}`;
  const unmarked = '-m connmark --mark 0x0/0xffff0000';
  const save = `${unmarked} -j CONNMARK --save-mark --nfmask ${SCOPE_MASK} --ctmask ${SCOPE_MASK}`;
  if (version === 4) {
    mangle.rule('PREROUTING', own('mark'));
    mangle.rule('float-snat', save);
  }
  mangle.rule('PREROUTING', own('scope'));
  mangle.rule(
    'PREROUTING',
    `-m connmark ! --mark 0x0/0xffff0000 -j CONNMARK --restore-mark --nfmask ${SCOPE_MASK} --ctmask ${SCOPE_MASK}`,
  );
  if (version === 4) mangle.rule('PREROUTING', own('floatingip'));
  if (router.metadata) {
    const to = version === 4 ? METADATA_4 : METADATA_6;
    mangle.rule(
      'PREROUTING',
      `-d ${to} -i qr-+ -p tcp -m tcp --dport 80 -j MARK --set-xmark ${METADATA_MARK}`,
    );
  }
  for (const { device, mark, version: of } of router.scopes) {
    if (of !== version) continue;
    mangle.rule('scope', `-i ${device} -j MARK --set-xmark ${mark}/${SCOPE_MASK}`);
  }
  if (version === 6) return;
  if (external !== null && router.kind !== 'dvr') {
    if (router.translates) mangle.rule('POSTROUTING', `-o ${external} ${save}`);
    if (router.address !== null) {
      mangle.rule('mark', `-i ${external} -j MARK --set-xmark ${EXTERNAL}`);
    }
  }
  crossings(mangle, router);
}

/** Floating IPs lead from the external address scope into another one. */
function crossings(
  mangle: TableText,
  { kind, external, floating, scopes, crossing }: RouterRules,
): void {
  const crossed = floating.filter(({ scope }) => scope !== crossing.external);
  if (crossed.length === 0 || external === null) return;
  for (const { device, version, mark } of scopes) {
    if (version === 6 || mark !== crossing.mark) continue;
    mangle.rule('float-snat', `-o ${device} -j MARK --set-xmark ${mark}/${SCOPE_MASK}`);
  }
  for (const each of crossed) {
    const from = kind === 'dvr' ? ` -i ${external}` : '';
    const mark = `${crossing.markOf(each.scope)}/${SCOPE_MASK}`;
    mangle.rule('floatingip', `-d ${writeIp(each.floating)}/32${from} -j MARK --set-xmark ${mark}`);
    mangle.rule('FORWARD', `-s ${writeIp(each.fixed)}/32 -j ${mangle.chain('float-snat')}`);
  }
}

function filters(rules: AgentRules, router: RouterRules, version: 4 | 6): void {
  const filter = rules.table('filter');
  filter.rule('FORWARD', `-j ${filter.chain('scope')}`);
  if (router.metadata) {
    filter.rule('INPUT', `-m mark --mark ${METADATA_MARK} -j ACCEPT`);
    filter.rule('INPUT', `-p tcp -m tcp --dport ${METADATA_PORT} -j DROP`);
  }
  // Whoever is translated on the way out may leave whatever scope it is of.
  const open = version === 4 && router.translates && router.kind !== 'dvr' ? router.external : null;
  for (const { device, mark, version: of } of router.scopes) {
    if (of !== version || device === open) continue;
    filter.rule('scope', `-o ${device} -m mark ! --mark ${mark}/${SCOPE_MASK} -j DROP`);
  }
}

function translations(rules: AgentRules, router: RouterRules): void {
  const nat = rules.table('nat');
  // Ports are drawn at random since Neutron 13 (Rocky), where iptables can.
  const drawn = router.dialect === 'pike' ? '' : ' --random-fully';
  const { external, kind } = router;
  if (router.metadata) {
    nat.rule(
      'PREROUTING',
      `-d ${METADATA_4} -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports ${METADATA_PORT}`,
    );
  }
  const answers = kind === 'dvr' ? router.floating.length > 0 : router.address !== null;
  if (external !== null && answers) {
    const either = router.dialect === 'pike' ? `! -i ${external} ` : '';
    nat.rule('POSTROUTING', `${either}! -o ${external} -m conntrack ! --ctstate DNAT -j ACCEPT`);
  }
  if (kind !== 'dvr' || router.floating.length > 0) {
    nat.rule('snat', `-j ${nat.chain('float-snat')}`);
  }
  // Rules of floating IPs are written anew, behind the others, with every change of the router.
  if (router.forwarded.length > 0) nat.rule('PREROUTING', `-j ${nat.chain('fip-pf')}`);
  for (const each of router.floating) {
    const floating = `${writeIp(each.floating)}/32`;
    const fixed = writeIp(each.fixed);
    if (kind === 'dvr') {
      nat.rule('PREROUTING', `-d ${floating} -i ${external} -j DNAT --to-destination ${fixed}`);
    } else {
      nat.rule('OUTPUT', `-d ${floating} -j DNAT --to-destination ${fixed}`);
      nat.rule('PREROUTING', `-d ${floating} -j DNAT --to-destination ${fixed}`);
    }
    nat.rule('float-snat', `-s ${fixed}/32 -j SNAT --to-source ${writeIp(each.floating)}${drawn}`);
  }
  for (const each of router.forwarded) forwarding(rules, each);
  if (router.address === null || external === null || kind === 'dvr') return;
  const to = `-j SNAT --to-source ${writeIp(router.address)}${drawn}`;
  if (router.translates) {
    // Within one address scope nobody is translated.
    if (router.crossing.external !== null) {
      const mark = `${router.crossing.mark}/${SCOPE_MASK}`;
      nat.rule('snat', `-o ${external} -m connmark --mark ${mark} -j ACCEPT`);
    }
    nat.rule('snat', `-o ${external} ${to}`);
  }
  nat.rule('snat', `-m mark ! --mark ${EXTERNAL} -m conntrack --ctstate DNAT ${to}`);
}

/** Characters of a chain's name behind the agent's (`MAX_CHAIN_LEN_WRAP`). */
const LONGEST_CHAIN = 11;

/** A port of a floating IP that leads to one machine (l3/extensions/port_forwarding.py). */
function forwarding(rules: AgentRules, each: ForwardedPort): void {
  const nat = rules.table('nat');
  const [from, to] = each.externalPorts;
  const [first, last] = each.internalPorts;
  const external = from === to ? String(from) : `${from}:${to}`;
  // A range is translated port by port: `/` names the port that becomes the first one.
  const shifted = from === to ? '' : `/${from}`;
  const internal = first === last ? String(first) : `${first}-${last}${shifted}`;
  const chain = `pf-${each.id}`.slice(0, LONGEST_CHAIN);
  nat.rule('fip-pf', `-j ${nat.chain(chain)}`);
  nat.rule(
    chain,
    `-d ${writeIp(each.floating)}/32 -p ${each.protocol} -m ${each.protocol} ` +
      `--dport ${external} -j DNAT --to-destination ${writeIp(each.internal)}:${internal}`,
  );
}

/** Of version 6 there is nothing but the skeleton. */
export function floatingIp6tables(): string {
  return agentRules('neutron-l3-agent', ['mangle', 'raw', 'filter', 'nat'], 6).text();
}

/** The floating IP namespace of a host keeps no connections: `rfp` and `fg` are only routed. */
export function floatingIptables(): string {
  const rules = agentRules('neutron-l3-agent', ['mangle', 'raw', 'filter', 'nat']);
  const mangle = rules.table('mangle');
  mangle.rule('PREROUTING', `-j ${mangle.chain('mark')}`);
  rules.table('raw').rule('PREROUTING', '-j CT --notrack');
  rules.table('nat').rule('snat', `-j ${rules.name('float-snat')}`);
  return rules.text();
}
