/**
 * Connections that outlive the rule which let them in. Rules let established connections pass before
 * they look at anything else, so one that is no more allowed, or is translated to where nobody is any
 * more, is forgotten behind the change of the rules (neutron/agent/linux/ip_conntrack.py does the
 * same). Forgetting more than needed costs little: what is still allowed begins anew with its next
 * packet (net.netfilter.nf_conntrack_tcp_loose).
 *
 * Simplification: a guest’s connections in the userspace tracker of a switch are not deleted: the
 * flows of the firewall themselves mark what is no more allowed (ct_mark=1).
 */
import { type Action, type ChainData, type ItemOf } from '../types.ts';
import { type Pair, pairsOf } from './pairs.ts';

/** `neutron-openvswi-i12345678-9`: what goes in, comes out, and may be the sender of a port. */
const OF_PORT = /^neutron-[a-z]+-([ios])([0-9a-f]{8}-[0-9a-f])$/;

/** @param tracked every chain of the host as it was read, by `chain PLACE VERSION TABLE CHAIN` */
export function connectionActions(
  place: string,
  pairs: readonly Pair[],
  tracked: ReadonlyMap<string, string>,
): readonly Action[] {
  const chains = pairsOf('chain', pairs);
  const known = chainsOf(place, tracked);
  const gone = chains.flatMap(({ old, to }) => (old === null || to === null ? [] : lost(old, to)));
  const lines = [
    ...gone.flatMap(({ chain, rule }) => wordsOf(chain, rule, known)),
    ...pairsOf('set', pairs).flatMap(({ old, to }) =>
      old === null || to === null ? [] : leaving(old, to, known),
    ),
  ];
  const unique = [...new Set(lines)];
  return unique.length === 0 ? [] : [{ kind: 'connections', namespace: place, lines: unique }];
}

interface Lost {
  readonly chain: ChainData;
  readonly rule: string;
}

/** Rules that let something pass and are no more. */
function lost(old: ItemOf<'chain'>, to: ItemOf<'chain'>): readonly Lost[] {
  const kept = new Set(to.data.rules);
  return old.data.rules
    .filter((rule) => !kept.has(rule) && PASSES.test(rule) && !STATE.test(rule))
    .map((rule) => ({ chain: old.data, rule }));
}

const PASSES = /-j (RETURN|ACCEPT|DNAT|SNAT)\b/;
const STATE = /--(state|ctstate) /;

interface KnownChain {
  readonly version: 4 | 6;
  readonly table: string;
  readonly name: string;
  readonly rules: readonly string[];
}

function chainsOf(place: string, tracked: ReadonlyMap<string, string>): readonly KnownChain[] {
  return [...tracked].flatMap(([id, text]): readonly KnownChain[] => {
    const [kind, at, version, table = '', name = ''] = id.split(' ');
    if (kind !== 'chain' || at !== place) return [];
    const [, ...rules] = JSON.parse(text) as readonly (string | null)[];
    const texts = rules.filter((rule) => rule !== null);
    return [{ version: version === '6' ? 6 : 4, table, name, rules: texts }];
  });
}

function wordsOf(
  { version, table, chain }: ChainData,
  rule: string,
  known: readonly KnownChain[],
): readonly string[] {
  const family = version === 4 ? '-f ipv4' : '-f ipv6';
  if (table === 'nat') {
    const to = value(rule, '-d');
    if (/-j DNAT\b/.test(rule)) return to === null ? [] : [`${family} -d ${to}`];
    const [from, source] = [value(rule, '-s'), value(rule, '--to-source')];
    if (source === null || !/^[0-9a-f.:]+$/.test(source)) return [];
    return [[family, ...option('-s', from), `-q ${source}`].join(' ')];
  }
  const [, way = '', id = ''] = OF_PORT.exec(chain) ?? [];
  if (way !== 'i' && way !== 'o') return [];
  const own = addressesOf(id, version, known);
  const zone = zoneOf(id, known);
  // Without the port's address and zone the deletion would hit those of others.
  if (own.length === 0 && zone === null) return [];
  const protocol = value(rule, '-p');
  const port = value(rule, '--dport');
  const [from, to] = [value(rule, '-s'), value(rule, '-d')];
  return (own.length === 0 ? [null] : own).map((address) =>
    [
      family,
      ...option('-p', protocol),
      ...option('-s', way === 'o' ? (from ?? address) : from),
      ...option('-d', way === 'i' ? (to ?? address) : to),
      ...(port !== null && /^\d+$/.test(port) ? [`--dport ${port}`] : []),
      ...option('-w', zone),
    ].join(' '),
  );
}

/** Members that left a set: what they sent to ports whose rules ask the set. */
function leaving(
  old: ItemOf<'set'>,
  to: ItemOf<'set'>,
  known: readonly KnownChain[],
): readonly string[] {
  const kept = new Set(to.data.entries);
  const left = old.data.entries.filter((entry) => !kept.has(entry) && /^[0-9a-f.:/]+$/.test(entry));
  const asking = known.filter(({ rules }) =>
    rules.some((rule) => rule.includes(`--match-set ${old.data.name} `)),
  );
  return asking.flatMap(({ name, version }) => {
    const [, way = '', id = ''] = OF_PORT.exec(name) ?? [];
    if (way !== 'i' && way !== 'o') return [];
    const zone = option('-w', zoneOf(id, known));
    const family = version === 4 ? '-f ipv4' : '-f ipv6';
    return addressesOf(id, version, known).flatMap((own) =>
      left.map((member) => {
        const [from, at] = way === 'i' ? [member, own] : [own, member];
        return [family, `-s ${from}`, `-d ${at}`, ...zone].join(' ');
      }),
    );
  });
}

/** The value behind an option that is not inverted. */
function value(rule: string, name: string): string | null {
  const words = rule.split(' ');
  const at = words.indexOf(name);
  return at < 0 || words[at - 1] === '!' ? null : (words[at + 1] ?? null);
}

function option(name: string, word: string | null): readonly string[] {
  return word === null ? [] : [`${name} ${word}`];
}

/** The addresses a port may send from, as the chain against spoofing says. */
function addressesOf(id: string, version: 4 | 6, known: readonly KnownChain[]): readonly string[] {
  const chain = known.find((one) => {
    const [, way, of] = OF_PORT.exec(one.name) ?? [];
    return way === 's' && of === id && one.version === version;
  });
  return (chain?.rules ?? []).flatMap((rule) => value(rule, '-s') ?? []);
}

/** The zone in which a port's connections are tracked; null for the usual one. */
function zoneOf(id: string, known: readonly KnownChain[]): string | null {
  const raw = known.filter(({ table }) => table === 'raw').flatMap(({ rules }) => rules);
  const device = new RegExp(`\\b(?:qvb|tap)${id}\\S* .*-j CT\\b.*--zone (\\d+)`);
  for (const rule of raw) {
    const found = device.exec(rule)?.[1];
    if (found !== undefined) return found;
  }
  return null;
}
