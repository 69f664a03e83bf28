/** Hostile and huge dumps: how long the readers need, and how much memory. */
import { parseIptablesSave } from '../src/dataplane/iptables/text/save.ts';
import { parseFlows } from '../src/dataplane/ovs/text/flows.ts';
import { measure } from './alone.ts';
import { dumpOf } from './flow-text.ts';
import { figure, type Row, told } from './report.ts';
import { cpuSeconds } from './stopwatch.ts';

const BYTES = 10_000_000;

interface Read {
  readonly kept: number;
  readonly problems: number;
}

const flows = (bytes: Uint8Array): Read => {
  const { value, problems } = parseFlows(bytes, 'damaged');
  return { kept: value.length, problems: problems.length };
};

const rules = (text: string): Read => {
  const { value, problems } = parseIptablesSave(text, 'damaged', 4);
  return { kept: value.tables.length, problems: problems.length };
};

const text = (of: string): Uint8Array => new TextEncoder().encode(of);
const many = (length: number, word: (i: number) => string): string =>
  Array.from({ length }, (_, i) => word(i)).join(',');

/** Bytes that look like nothing, the same every time. */
function junk(): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  let state = 12_345;
  for (let i = 0; i < BYTES; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** Each makes its input and gives back how to read it. */
const CASES = {
  'a line of 10 MB, one word': () => text('a'.repeat(BYTES)),
  'a line of 10 MB, half a million distinct matches': () =>
    text(
      `table=0,${many(BYTES / 18, (i) => `nw_src=10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)} actions=drop`,
    ),
  'a line of 10 MB, half a million distinct actions': () =>
    text(`table=0 actions=${many(BYTES / 14, (i) => `load:${i}->reg0`)}`),
  'a line of 10 MB, actions in actions': () =>
    text(`table=0 actions=${'clone('.repeat(BYTES / 6)}`),
  '10 MB of binary junk': junk,
  'a million lines of junk': () => text('foo=1 bar\n'.repeat(BYTES / 10)),
  'a table of a million flows': () => dumpOf(1_000_000),
  'a rule of 10 MB': () =>
    `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ${'-m comment --comment x '.repeat(BYTES / 23)}\nCOMMIT\n`,
} satisfies Record<string, () => Uint8Array | string>;

export type Damage = keyof typeof CASES;

/** Reads one of them and says how long it took. */
export function readDamaged(name: Damage): Read & { readonly seconds: number } {
  const input = CASES[name]();
  const start = cpuSeconds();
  const read = typeof input === 'string' ? rules(input) : flows(input);
  return { ...read, seconds: cpuSeconds() - start };
}

/** Rows of all of them, each in a process of its own. */
export function damageRows(): readonly Row[] {
  return Object.keys(CASES).map((name) => {
    const { seconds, megabytes, problems } = measure<ReturnType<typeof readDamaged>>(
      'damage',
      name,
    );
    const found = problems === 1 ? '1 problem' : `${problems} problems`;
    return told(
      name,
      `${figure(seconds)} s (processor), ${figure(megabytes)} MB resident, ${found}`,
    );
  });
}
