/** Ways in which dumps get damaged, by seed: cut, mixed with junk, in another encoding, absurd. */

/** A generator of numbers in [0, 1) that gives the same ones for the same seed (xorshift32). */
export function chance(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

type Mangler = (bytes: Uint8Array, random: () => number) => Uint8Array;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function inText(change: (text: string, random: () => number) => string): Mangler {
  return (bytes, random) => encoder.encode(change(decoder.decode(bytes), random));
}

function inLines(change: (lines: string[], random: () => number) => string[]): Mangler {
  return inText((text, random) => change(text.split('\n'), random).join('\n'));
}

const ABSURD = ['-1', '99999999999999999999', '0xffffffffffffffffffffffffffffffffff', '1e999', '٣'];

/** Every way, by name. */
export const MANGLERS: Readonly<Record<string, Mangler>> = {
  empty: () => new Uint8Array(0),
  'only newlines': () => encoder.encode('\n\r\n\n'),
  cut: (bytes, random) => bytes.slice(0, below(random, bytes.length)),
  'without its start': (bytes, random) => bytes.slice(below(random, bytes.length)),
  junk: (bytes, random) => Uint8Array.from({ length: bytes.length }, () => below(random, 256)),
  'junk in the middle': (bytes, random) => {
    const at = below(random, bytes.length);
    const noise = Uint8Array.from({ length: 64 }, () => below(random, 256));
    return joined(bytes.slice(0, at), noise, bytes.slice(at));
  },
  'single bytes': (bytes, random) => {
    const copy = bytes.slice();
    for (let i = 0; i < 1 + copy.length / 200; i++) {
      copy[below(random, copy.length)] = below(random, 256);
    }
    return copy;
  },
  NULs: (bytes, random) => {
    const copy = bytes.slice();
    const from = below(random, copy.length);
    return copy.fill(0, from, from + 1 + below(random, 500));
  },
  'UTF-16': inBytesOf16,
  'latin-1': (bytes) => bytes.map((byte) => (byte === 0x61 ? 0xe4 : byte)),
  'byte order mark': (bytes) => joined(Uint8Array.of(0xef, 0xbb, 0xbf), bytes),
  'lines of Windows': inText((text) => text.replaceAll('\n', '\r\n')),
  'one line': inText((text) => text.replaceAll('\n', ' ')),
  'lines twice': inLines((lines) => lines.flatMap((line) => [line, line])),
  'lines in another order': inLines((lines, random) => {
    for (let i = lines.length - 1; i > 0; i--) {
      const j = below(random, i + 1);
      [lines[i], lines[j]] = [lines[j] ?? '', lines[i] ?? ''];
    }
    return lines;
  }),
  'lines lost': inLines((lines, random) => lines.filter(() => random() > 0.2)),
  'words lost': inText((text, random) => text.replace(/\S+/g, (w) => (random() > 0.1 ? w : ''))),
  'absurd numbers': inText((text, random) =>
    text.replace(/\b\d+\b/g, (n) => (random() > 0.1 ? n : (ABSURD[below(random, 5)] ?? n))),
  ),
  'other brackets': inText((text, random) =>
    text.replace(/[[\](){}=,:]/g, (c) => (random() > 0.05 ? c : '[](){}=,:'[below(random, 9)]!)),
  ),
  'a tail of another file': (bytes, random) =>
    joined(bytes.slice(0, below(random, bytes.length)), encoder.encode('-bash: ovs: not found\n')),
  'nested JSON': (bytes, random) => {
    const depth = 10 ** (1 + below(random, 5));
    const [open, close] = random() > 0.5 ? ['[', ']'] : ['{"a":', '}'];
    return encoder.encode(`${open.repeat(depth)}${decoder.decode(bytes)}${close.repeat(depth)}`);
  },
};

function inBytesOf16(bytes: Uint8Array): Uint8Array {
  const text = decoder.decode(bytes);
  const wide = new Uint8Array(2 + 2 * text.length);
  const view = new DataView(wide.buffer);
  view.setUint16(0, 0xfeff, true);
  for (let i = 0; i < text.length; i++) view.setUint16(2 + 2 * i, text.charCodeAt(i), true);
  return wide;
}
