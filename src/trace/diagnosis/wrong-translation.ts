/**
 * Rules that translate otherwise than Neutron says: to an address that is not the floating IP's or
 * not the router's own, and the metadata service's address that no rule redirects (neutron
 * agent/l3/router_info.py, agent/metadata/driver.py metadata_nat_rules()).
 */
import { type RuleStep, type TranslationStep } from '../../dataplane/iptables/steps.ts';
import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { type NeutronRouter } from '../../model/neutron.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { isForMetadata } from '../exchanges/metadata.ts';
import { routerOfNamespace, routerRef } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Case, type Diagnosis, type Finding, tupleOf } from './case.ts';
import { inNamespace, restartAgent } from './commands.ts';

/** Where a packet was translated, and from what to what. */
interface Translation {
  readonly host: string;
  readonly namespace: string;
  readonly router: NeutronRouter;
  readonly manip: 'src' | 'dst';
  readonly before: IpAddress;
  readonly after: IpAddress;
  readonly rule: RuleStep | null;
}

/** A floating IP that leads to another server, or a source that answers cannot come back to. */
export const wrongTranslation: Diagnosis = (of) => {
  const { network } = of.compiled;
  for (const one of translationsOf(of)) {
    const found = one.manip === 'dst' ? misled(network, one) : astray(network, one);
    if (found !== null) return found;
  }
  return null;
};

function translationsOf({ diary, compiled }: Case): readonly Translation[] {
  const found: Translation[] = [];
  let place: EnterStep | null = null;
  let rule: RuleStep | null = null;
  for (const { step, words, after } of diary) {
    if (step.kind === 'enter') [place, rule] = [step as EnterStep, null];
    if (step.kind === 'rule' && (step as RuleStep).table === 'nat') rule = step as RuleStep;
    if (step.kind !== 'translation' || place === null) continue;
    const { manip, byRule } = step as TranslationStep;
    const router = routerOfNamespace(compiled.network, place.device);
    const [from, to] = [tupleOf(words), tupleOf(after)];
    if (!byRule || router === null || from === null || to === null) continue;
    const { host, device: namespace } = place;
    const [before, now] =
      manip === 'src' ? [from.source, to.source] : [from.destination, to.destination];
    if (sameAddress(before, now)) continue;
    found.push({ host, namespace, router, manip, before, after: now, rule });
  }
  return found;
}

function misled(network: Network, one: Translation): Finding | null {
  const floating = network.neutron.floatingIps.find(
    ({ address, portId }) => portId !== null && sameAddress(address, one.before),
  );
  const meant = floating?.fixedAddress ?? null;
  if (meant === null || sameAddress(meant, one.after)) return null;
  const [text, to] = [writeIp(one.before), writeIp(one.after)];
  return finding(one, 'nat PREROUTING', [
    `${label(one.router)} leads ${text} on to ${to}, but it is the floating IP of ${writeIp(meant)}`,
  ]);
}

function astray(network: Network, one: Translation): Finding | null {
  const own = network.namespace(one.host, one.namespace)?.state.interfaces ?? [];
  const has = own.some(({ addresses }) =>
    addresses.some(({ address }) => sameAddress(address, one.after)),
  );
  const floating = network.neutron.floatingIps.some(({ address }) =>
    sameAddress(address, one.after),
  );
  const ports = network.neutron.ports.some(({ fixedIps }) =>
    fixedIps.some(({ address }) => sameAddress(address, one.after)),
  );
  if (has || floating || ports) return null;
  const to = writeIp(one.after);
  return finding(one, 'nat POSTROUTING', [
    `${label(one.router)} lets ${writeIp(one.before)} out as ${to}, which is neither its own address nor a floating IP: nobody answers there`,
  ]);
}

function label({ id, name }: NeutronRouter): string {
  return name === '' ? id : name;
}

function finding(one: Translation, chain: string, because: readonly string[]): Finding {
  const { host, namespace, router, rule } = one;
  return {
    code: 'NAT_MISSING',
    host,
    component: `${namespace} ${chain}`,
    evidence: rule?.text ?? '',
    origin: rule?.origin ?? null,
    because,
    neutron: [routerRef(router)],
    fix: {
      summary: `restart neutron-l3-agent on ${host}, which writes the NAT rules of ${label(router)} anew`,
      commands: [restartAgent(host, 'neutron-l3-agent')],
    },
    confirm: [inNamespace(host, namespace, 'iptables-save -t nat')],
  };
}

/** A question to the metadata service that a router took for an ordinary packet. */
export const unredirected: Diagnosis = (of) => {
  const { question, compiled, diary } = of;
  if (!isForMetadata(question)) return null;
  const { address } = question.to;
  for (const { step, words } of diary) {
    if (step.kind !== 'route') continue;
    const place = diary
      .slice(
        0,
        diary.findIndex((entry) => entry.step === step),
      )
      .findLast((entry) => entry.step.kind === 'enter');
    if (place === undefined) continue;
    const { host, device: namespace } = place.step as EnterStep;
    const router = routerOfNamespace(compiled.network, namespace);
    const destination = tupleOf(words)?.destination;
    if (router === null || destination === undefined || address === null) continue;
    if (!sameAddress(destination, address)) continue;
    const text = writeIp(address);
    return {
      code: 'NAT_MISSING',
      host,
      component: `${namespace} nat PREROUTING`,
      evidence: `no rule redirects ${text}`,
      origin: null,
      because: [
        `${label(router)} forwards packets for ${text} instead of handing them to the metadata proxy`,
      ],
      neutron: [routerRef(router)],
      fix: {
        summary: `restart neutron-l3-agent on ${host}, which writes the rules of the metadata proxy anew`,
        commands: [restartAgent(host, 'neutron-l3-agent')],
      },
      confirm: [inNamespace(host, namespace, 'iptables-save -t nat')],
    };
  }
  return null;
};
