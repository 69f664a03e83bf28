/**
 * The rules of a router's namespace (neutron/agent/l3/router_info.py, dvr_*_router.py, Zed):
 * marks tell where a packet came in, address scopes forbid routing between strangers, floating
 * IPs and the gateway's own address are translated.
 */
import { type CloudAddress } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import { type AgentRules, agentRules } from '../agent-chains.ts';

/** What came in through the gateway (`external_ingress_mark`), and its mask. */
const EXTERNAL = '0x2/0xffff';
/** Where metadata requests are taken (`metadata_access_mark`). */
const METADATA_MARK = '0x1/0xffff';
const METADATA_PORT = 9697;
const SCOPE_MASK = '0xffff0000';
/** The mark of packets outside of every address scope (0x400 in the upper half). */
const NO_SCOPE = '0x4000000';
const METADATA_4 = '169.254.169.254/32';
const METADATA_6 = 'fe80::a9fe:a9fe/128';

export interface FloatingRule {
  readonly floating: CloudAddress;
  readonly fixed: CloudAddress;
}

export interface ForwardedPort {
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
  /** The gateway's own address when it translates for all others. */
  readonly snat: CloudAddress | null;
  readonly floating: readonly FloatingRule[];
  readonly forwarded: readonly ForwardedPort[];
  readonly metadata: boolean;
  /** The mark of an interface's address scope, upper half; absent is no scope. */
  readonly scopes: ReadonlyMap<string, string>;
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
  if (version === 6) return;
  if (external !== null && router.kind !== 'dvr') {
    mangle.rule('POSTROUTING', `-o ${external} ${save}`);
    mangle.rule('mark', `-i ${external} -j MARK --set-xmark ${EXTERNAL}`);
  }
  for (const device of [...router.internal, ...(external === null ? [] : [external])]) {
    mangle.rule('scope', `-i ${device} -j MARK --set-xmark ${scopeOf(router, device)}`);
  }
}

function scopeOf(router: RouterRules, device: string): string {
  return `${router.scopes.get(device) ?? NO_SCOPE}/${SCOPE_MASK}`;
}

function filters(rules: AgentRules, router: RouterRules, version: 4 | 6): void {
  const filter = rules.table('filter');
  filter.rule('FORWARD', `-j ${filter.chain('scope')}`);
  if (router.metadata) {
    filter.rule('INPUT', `-m mark --mark ${METADATA_MARK} -j ACCEPT`);
    filter.rule('INPUT', `-p tcp -m tcp --dport ${METADATA_PORT} -j DROP`);
  }
  if (version === 6) return;
  const guarded =
    router.kind === 'dvr' && router.external !== null
      ? [...router.internal, router.external]
      : router.internal;
  for (const device of guarded) {
    filter.rule('scope', `-o ${device} -m mark ! --mark ${scopeOf(router, device)} -j DROP`);
  }
}

function translations(rules: AgentRules, router: RouterRules): void {
  const nat = rules.table('nat');
  const { external, kind } = router;
  if (router.metadata) {
    nat.rule(
      'PREROUTING',
      `-d ${METADATA_4} -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports ${METADATA_PORT}`,
    );
  }
  if (external !== null && (kind !== 'dvr' || router.floating.length > 0)) {
    nat.rule('POSTROUTING', `! -o ${external} -m conntrack ! --ctstate DNAT -j ACCEPT`);
  }
  if (kind !== 'dvr' || router.floating.length > 0) {
    nat.rule('snat', `-j ${nat.chain('float-snat')}`);
  }
  for (const each of router.floating) {
    const floating = `${writeIp(each.floating)}/32`;
    const fixed = writeIp(each.fixed);
    if (kind === 'dvr') {
      nat.rule('PREROUTING', `-d ${floating} -i ${external} -j DNAT --to-destination ${fixed}`);
    } else {
      nat.rule('OUTPUT', `-d ${floating} -j DNAT --to-destination ${fixed}`);
      nat.rule('PREROUTING', `-d ${floating} -j DNAT --to-destination ${fixed}`);
    }
    nat.rule(
      'float-snat',
      `-s ${fixed}/32 -j SNAT --to-source ${writeIp(each.floating)} --random-fully`,
    );
  }
  for (const each of router.forwarded) forwarding(rules, each);
  if (router.snat === null || external === null) return;
  const to = `-j SNAT --to-source ${writeIp(router.snat)} --random-fully`;
  nat.rule('snat', `-o ${external} ${to}`);
  nat.rule('snat', `-m mark ! --mark ${EXTERNAL} -m conntrack --ctstate DNAT ${to}`);
}

/** A port of a floating IP that leads to one machine (l3/extensions/port_forwarding.py). */
function forwarding(rules: AgentRules, each: ForwardedPort): void {
  const nat = rules.table('nat');
  const range = ([from, to]: readonly [number, number], sign: string): string =>
    from === to ? String(from) : `${from}${sign}${to}`;
  const internal = `${writeIp(each.internal)}:${range(each.internalPorts, '-')}`;
  nat.rule('PREROUTING', `-j ${nat.chain('pf-floatingip')}`);
  nat.rule(
    'pf-floatingip',
    `-d ${writeIp(each.floating)}/32 -p ${each.protocol} -m ${each.protocol} ` +
      `--dport ${range(each.externalPorts, ':')} -j DNAT --to-destination ${internal}`,
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
