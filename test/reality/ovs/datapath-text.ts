/**
 * Datapath actions as the switch prints them (lib/odp-util.c format_odp_actions()), read into the
 * canonical form of `canon.ts`.
 */
import { type Packet } from '../../../src/traffic/one-packet.ts';
import {
  ctText,
  type Headers,
  headersOf,
  lseOf,
  OUTER,
  pairsOf,
  printHeaders,
  REAL_NAMES,
  TUNNEL,
  valueOf,
} from './canon.ts';

interface Item {
  readonly name: string;
  /** What stands in its parentheses; null when it has none. */
  readonly inside: string | null;
}

/** Splits at commas outside of parentheses. */
export function splitItems(text: string): Item[] {
  const items: Item[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const char = text[i] ?? ',';
    if (char === '(' || char === '{') depth++;
    else if (char === ')' || char === '}') depth--;
    if (i < text.length && (char !== ',' || depth > 0)) continue;
    const item = text.slice(from, i).trim();
    from = i + 1;
    if (item === '') continue;
    const open = item.indexOf('(');
    items.push(
      open < 0 || !item.endsWith(')')
        ? { name: item, inside: null }
        : { name: item.slice(0, open), inside: item.slice(open + 1, -1) },
    );
  }
  return items;
}

/** The packet as the datapath has it on its way through a list. */
interface State extends Headers {
  /** Of the packet inside a tunnel header that the switch itself put on. */
  inner: string | null;
  truncate: string | null;
  hashed: boolean;
  tracked: string;
  tunnel: boolean;
}

function copyOf({ fields, vlans, labels, ...rest }: State): State {
  return { ...rest, fields: new Map(fields), vlans: [...vlans], labels: [...labels] };
}

/**
 * The effects of a list of actions, in no order.
 * @param base the packet that the list began with.
 * @param portName names a port that is printed as a number.
 */
export function effectsOfText(
  text: string,
  base: Packet,
  portName: (word: string) => string,
): string[] {
  const state: State = {
    ...headersOf(base),
    inner: null,
    truncate: null,
    hashed: false,
    tracked: 'ct none',
    tunnel: false,
  };
  return effectsOf(text, state, portName);
}

function shown(state: State, extra: readonly string[]): string {
  const text = printHeaders(state, state.inner === null ? extra : OUTER);
  return state.inner === null ? text : `${text} around ${state.inner}`;
}

function effectsOf(text: string, state: State, portName: (word: string) => string): string[] {
  const within = (inside: string | null) => effectsOf(inside ?? '', copyOf(state), portName);
  return splitItems(text).flatMap(({ name, inside }): string[] => {
    switch (name) {
      case 'drop':
        return [];
      case 'set':
        for (const item of splitItems(inside ?? '')) applySet(state, item);
        return [];
      case 'push_vlan':
      case 'pop_vlan':
      case 'push_mpls':
      case 'pop_mpls':
        applyPush(state, name, pairsOf(inside ?? ''));
        return [];
      case 'trunc':
        state.truncate = inside;
        return [];
      case 'hash':
        state.hashed = true;
        return [];
      case 'clone':
        return within(inside);
      case 'meter':
        return ['meter'];
      case 'ct':
      case 'ct_clear':
        state.tracked = name === 'ct' ? ctText(inside ?? '') : 'ct clear';
        return [state.tracked];
      case 'recirc': {
        const hash = state.hashed ? ' hash' : '';
        state.hashed = false;
        return [`recirc${hash} ${shown(state, [])} ${state.tracked}`];
      }
      case 'userspace':
        return [controller(inside ?? '', state)];
      case 'check_pkt_len':
        return [branches(inside ?? '', within)];
      case 'sample':
        return sampled(inside ?? '', within);
      case 'tnl_push':
        encapsulate(state, inside ?? '');
        return [];
      case 'tnl_pop':
        return [`pop ${shown(state, [])}`];
      default:
        return inside === null ? [output(state, portName(name))] : [`other ${name}`];
    }
  });
}

function output(state: State, port: string): string {
  const trunc = state.truncate === null ? '' : ` trunc ${state.truncate}`;
  state.truncate = null;
  return `out ${port}${trunc} ${shown(state, state.tunnel && /_sys(_\d+)?$/.test(port) ? TUNNEL : [])}`;
}

function controller(inside: string, state: State): string {
  const [item] = splitItems(inside).filter(({ name }) => name === 'controller');
  if (item === undefined) return `userspace ${inside.replace(/pid=\d+,?/, '')}`;
  const pairs = pairsOf(item.inside ?? '');
  return `controller ${pairs.get('max_len')} ${pairs.get('reason')} ${shown(state, [])}`;
}

function branches(inside: string, within: (inside: string | null) => string[]): string {
  const items = splitItems(inside);
  const of = (word: string) => {
    const found = items.find(({ name }) => name === word)?.inside ?? '';
    return within(found).sort().join('\n');
  };
  const size = /size=(\d+)/.exec(inside)?.[1];
  return `larger than ${size}: ${of('gt')} else ${of('le')}`;
}

/** What always happens is written as a sample of all when a controller's meter stands in it. */
function sampled(inside: string, within: (inside: string | null) => string[]): string[] {
  const actions = splitItems(inside).find(({ name }) => name === 'actions')?.inside ?? '';
  const effects = within(actions);
  if (inside.startsWith('sample=100')) return effects.filter((effect) => effect !== 'meter');
  return [`sample ${effects.sort().join('\n')}`];
}

function applySet(state: State, { name, inside }: Item): void {
  if (inside === null) return;
  if (name === 'mpls') {
    state.labels[0] = lseOf(inside);
    return;
  }
  if (name === 'tunnel') {
    // Tunnel fields are set all together; those that are not printed are zero.
    state.tunnel = true;
    for (const each of TUNNEL) state.fields.set(each, 0n);
  }
  // Flags and options of tunnels stand in parentheses of their own.
  const plain = name === 'skb_mark' || name === 'skb_priority';
  const pairs = plain ? new Map([['', inside]]) : pairsOf(inside.replace(/\w+\([^()]*\)/g, ''));
  for (const [key, value] of pairs) {
    const known = REAL_NAMES[key === '' ? name : `${name}.${key}`];
    if (known !== undefined) write(state, known, value);
  }
}

function write({ fields }: State, name: string, text: string): void {
  const [value = '', mask] = text.split('/');
  const old = fields.get(name) ?? 0n;
  fields.set(name, mask === undefined ? valueOf(value) : (old & ~valueOf(mask)) | valueOf(value));
}

function applyPush(state: State, name: string, pairs: ReadonlyMap<string, string>): void {
  const n = (key: string, other: string) => Number(pairs.get(key) ?? other);
  if (name === 'pop_vlan') state.vlans.shift();
  else if (name === 'push_vlan') {
    state.vlans.unshift([n('vid', '0'), n('pcp', '0'), n('tpid', '0x8100')]);
  } else {
    if (name === 'pop_mpls') state.labels.shift();
    else {
      const text = [...pairs].map(([key, value]) => `${key}=${value}`).join(',');
      state.labels.unshift(lseOf(text));
    }
    state.fields.set('eth_type', BigInt(n('eth_type', '0')));
  }
}

/** tnl_push: the list goes on with the frame that carries the packet. */
function encapsulate(state: State, inside: string): void {
  const header = splitItems(inside).find(({ name }) => name === 'header')?.inside ?? '';
  const inner = shown(state, []);
  const items = new Map(splitItems(header).map((item) => [item.name, item.inside ?? '']));
  const of = (name: string) => pairsOf(items.get(name) ?? '');
  const fields = new Map<string, bigint>();
  const put = (name: string, text: string | undefined) => {
    if (text !== undefined) fields.set(name, valueOf(text));
  };
  put('eth_src', of('eth').get('src'));
  put('eth_dst', of('eth').get('dst'));
  put('eth_type', of('eth').get('dl_type'));
  const version = items.has('ipv4') ? 'ipv4' : 'ipv6';
  const ip = of(version);
  put(version === 'ipv4' ? 'ip_src' : 'ipv6_src', ip.get('src'));
  put(version === 'ipv4' ? 'ip_dst' : 'ipv6_dst', ip.get('dst'));
  put('nw_tos', ip.get('tos') ?? ip.get('tclass'));
  put('nw_ttl', ip.get('ttl') ?? ip.get('hlimit'));
  put('ip_proto', ip.get('proto'));
  if (items.has('udp')) put('tp_dst', of('udp').get('dst'));
  const key = /(?:vni|key)=(0x[0-9a-f]+)/.exec(header)?.[1];
  put('encap_id', key);
  put('ip_df', ip.get('frag') === '0x4000' ? '1' : '0');
  fields.set('pkt_mark', state.fields.get('pkt_mark') ?? 0n);
  Object.assign(state, { inner, fields, vlans: [], labels: [] });
}
