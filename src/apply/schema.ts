/**
 * A plan as `hopwise apply plan --json` writes it, as JSON Schema (draft 2020-12): changes by item,
 * and steps with what they do, how they are undone, and what is expected behind them.
 */
import {
  COUNT,
  DRAFT,
  list,
  NEUTRON,
  object,
  orNull,
  ref,
  type Schema,
  TEXT,
} from '../trace/render/schema.ts';
import { PHASES } from './types.ts';

const FLAG = { type: 'boolean' } as const;
const VERSION = { enum: [4, 6] } as const;
const WORDS = { type: 'object', additionalProperties: TEXT } as const;
const kind = (name: string): Schema => ({ const: name });

/** What an item of each kind needs to be made again. */
const DATA: Readonly<Record<string, Schema>> = {
  bridge: object({ failMode: TEXT, datapath: TEXT }),
  port: object({
    bridge: TEXT,
    name: TEXT,
    type: TEXT,
    ofport: { type: 'integer' },
    tag: orNull(COUNT),
    trunks: list(COUNT),
    options: WORDS,
    otherConfig: WORDS,
    externalIds: WORDS,
  }),
  flow: object({ line: TEXT, match: TEXT }),
  group: object({ line: TEXT, id: COUNT }),
  meter: object({ line: TEXT, id: COUNT }),
  namespace: object({}),
  device: object({
    name: TEXT,
    kind: { enum: ['internal', 'veth', 'bridge', 'vxlan', 'vlan'] },
    mac: TEXT,
    mtu: COUNT,
    up: FLAG,
    peer: orNull(object({ namespace: TEXT, device: TEXT, mac: TEXT })),
    lower: orNull(TEXT),
    details: WORDS,
  }),
  member: object({ device: TEXT, master: TEXT }),
  address: object({ device: TEXT, address: TEXT, version: VERSION }),
  route: object({ words: TEXT, version: VERSION }),
  rule: object({ words: TEXT, version: VERSION }),
  neighbour: object({ words: TEXT, device: TEXT }),
  fdb: object({ words: TEXT, device: TEXT }),
  sysctl: object({ name: TEXT, value: TEXT }),
  set: object({ name: TEXT, create: TEXT, entries: list(TEXT) }),
  chain: object({
    version: VERSION,
    table: TEXT,
    chain: TEXT,
    policy: orNull(TEXT),
    rules: list(TEXT),
    whole: FLAG,
  }),
  frames: object({ table: TEXT, chain: TEXT, policy: orNull(TEXT), user: FLAG, rules: list(TEXT) }),
  file: object({ path: TEXT, text: TEXT, namespace: TEXT }),
  daemon: object({ program: TEXT, words: list(TEXT) }),
};

const ITEM: Schema = {
  anyOf: Object.entries(DATA).map(([name, data]) =>
    object({ kind: kind(name), place: TEXT, key: TEXT, text: TEXT, data }),
  ),
};

const lines = (name: string): Schema =>
  object({ kind: kind(name), namespace: TEXT, lines: list(TEXT), force: FLAG });
const bridge = (name: string, member: string): Schema =>
  object({ kind: kind(name), bridge: TEXT, [member]: list(TEXT) });
const text = (name: string): Schema => object({ kind: kind(name), namespace: TEXT, text: TEXT });

/** One command of a step. */
const ACTION: Schema = {
  anyOf: [
    object({ kind: kind('ovsdb'), commands: list(list(TEXT)) }),
    bridge('flows', 'lines'),
    bridge('bundle', 'lines'),
    object({ kind: kind('meters'), bridge: TEXT, commands: list(list(TEXT)) }),
    bridge('forget', 'matches'),
    object({ kind: kind('stations'), bridges: list(TEXT) }),
    object({ kind: kind('macs'), namespace: TEXT, bridges: list(TEXT) }),
    object({ kind: kind('neighbours'), namespace: TEXT, of: list(list(TEXT)) }),
    object({ kind: kind('connections'), namespace: TEXT, lines: list(TEXT) }),
    object({ kind: kind('restore'), namespace: TEXT, version: VERSION, text: TEXT }),
    text('ipset'),
    text('frames'),
    lines('ip'),
    lines('bridge'),
    object({ kind: kind('netns'), name: TEXT, make: FLAG }),
    object({ kind: kind('move'), device: TEXT, from: TEXT, to: TEXT }),
    object({ kind: kind('sysctl'), namespace: TEXT, values: list(list(TEXT)) }),
    object({ kind: kind('file'), path: TEXT, text: orNull(TEXT) }),
    object({ kind: kind('put-back'), path: TEXT }),
    object({ kind: kind('start'), namespace: TEXT, words: list(TEXT) }),
    object({ kind: kind('restart'), namespace: TEXT, words: list(TEXT) }),
    object({ kind: kind('stop'), words: list(TEXT) }),
    object({
      kind: kind('reload'),
      namespace: TEXT,
      name: TEXT,
      words: list(TEXT),
      apart_s: COUNT,
    }),
    object({ kind: kind('own'), add: list(TEXT), remove: list(TEXT) }),
  ],
};

const STEP = object({
  id: TEXT,
  host: TEXT,
  phase: { enum: PHASES },
  wave: COUNT,
  title: TEXT,
  forward: list(ref('action')),
  inverse: list(ref('action')),
  // An item's id and its text afterwards; null when it is gone.
  changes: list(list(orNull(TEXT))),
  regions: list(object({ region: TEXT, before: TEXT, after: TEXT })),
  partial: orNull(TEXT),
});

export const PLAN_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'hopwise apply plan',
  ...object({
    version: { const: 1 },
    id: TEXT,
    desired: TEXT,
    order: { enum: ['direct', 'staged'] },
    // The first comes before the second, by host, phase and title.
    constraints: list(list(TEXT)),
    hosts: list(object({ name: TEXT, state: TEXT })),
    changes: list(
      object({
        host: TEXT,
        id: TEXT,
        old: orNull(ref('item')),
        new: orNull(ref('item')),
        about: orNull(NEUTRON),
      }),
    ),
    steps: list(STEP),
    refusals: list(TEXT),
  }),
  $defs: { item: ITEM, action: ACTION },
};
