/**
 * `-m bpf`: a classic BPF program decides (net/netfilter/xt_bpf.c; the machine is that of
 * Documentation/networking/filter.rst). Offsets count from the IP header on.
 */
import { get16, get32 } from '../../../packet/wire/bytes.ts';
import { type Truth } from '../../../traffic/guard.ts';
import { type PacketBytes } from './types.ts';

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** `N,code jt jf k,code jt jf k,…`; null when it is not such a text. */
export function parseBytecode(text: string): readonly Instruction[] | null {
  const [count = '', ...lines] = text.split(',').filter((part) => part.trim() !== '');
  const program = lines.map((line) => line.trim().split(/\s+/).map(Number));
  if (Number(count) !== program.length || program.length === 0) return null;
  if (program.some((line) => line.length !== 4 || line.some(Number.isNaN))) return null;
  return program.map(([code = 0, jt = 0, jf = 0, k = 0]) => ({ code, jt, jf, k: k >>> 0 }));
}

const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, ret: 6, misc: 7 } as const;

interface Machine {
  a: number;
  x: number;
  readonly memory: number[];
}

/** Thrown-free ends of a step: the program's answer, or a load outside of the packet. */
type Ended = { readonly answer: number } | { readonly unknown: true };

/** Runs a program: 1 when it returns something else than 0. A load behind the end returns 0. */
export function runBpf(program: readonly Instruction[], packet: PacketBytes): Truth {
  const machine: Machine = { a: 0, x: 0, memory: new Array<number>(16).fill(0) };
  let at = 0;
  // Jumps only go forward, so a program ends within its length.
  while (at < program.length) {
    const one = program[at];
    if (one === undefined) return 0;
    const ended = step(machine, one, packet);
    if (ended !== null && typeof ended !== 'number') {
      if ('unknown' in ended) return -1;
      return ended.answer === 0 ? 0 : 1;
    }
    at += 1 + (ended ?? 0);
  }
  return 0;
}

/** Null goes on, a number jumps over so many instructions. */
function step(
  m: Machine,
  { code, jt, jf, k }: Instruction,
  packet: PacketBytes,
): Ended | number | null {
  switch (code & 7) {
    case CLASS.ld:
    case CLASS.ldx: {
      const value = load(m, code, k, packet);
      if (value === null) return { answer: 0 };
      if (value === UNKNOWN) return { unknown: true };
      if ((code & 7) === CLASS.ld) m.a = value;
      else m.x = value;
      return null;
    }
    case CLASS.st:
      m.memory[k] = m.a;
      return null;
    case CLASS.stx:
      m.memory[k] = m.x;
      return null;
    case CLASS.alu: {
      const operand = (code & 8) === 0 ? k : m.x;
      const value = compute(code & 0xf0, m.a, operand);
      if (value === null) return { answer: 0 };
      m.a = value;
      return null;
    }
    case CLASS.jmp: {
      const operand = (code & 8) === 0 ? k : m.x;
      if ((code & 0xf0) === 0) return k;
      return holds(code & 0xf0, m.a, operand) ? jt : jf;
    }
    case CLASS.ret:
      return { answer: (code & 0x18) === 0x10 ? m.a : k };
    default:
      if ((code & 0xf8) === 0) m.x = m.a;
      else m.a = m.x;
      return null;
  }
}

/** A value nobody knows; words themselves are not negative. */
const UNKNOWN = -1;
const SIZES: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1 };

/** Null for a load outside of the packet. */
function load(m: Machine, code: number, k: number, packet: PacketBytes): number | null {
  const { bytes, known, end } = packet;
  switch (code & 0xe0) {
    case 0x00:
      return k;
    case 0x60:
      return m.memory[k] ?? 0;
    case 0x80:
      return end;
    case 0xa0:
      if (k >= end) return null;
      return k >= known ? UNKNOWN : 4 * ((bytes[k] ?? 0) & 15);
    default: {
      const size = SIZES[code & 0x18] ?? 4;
      const at = (code & 0xe0) === 0x40 ? (m.x + k) >>> 0 : k;
      // Negative offsets ask the kernel about other things than the packet's bytes.
      if (at >= 0x8000_0000) return UNKNOWN;
      if (at + size > end) return null;
      if (at + size > known) return UNKNOWN;
      return size === 4 ? get32(bytes, at) : size === 2 ? get16(bytes, at) : (bytes[at] ?? 0);
    }
  }
}

function compute(operation: number, a: number, b: number): number | null {
  switch (operation) {
    case 0x00:
      return (a + b) >>> 0;
    case 0x10:
      return (a - b) >>> 0;
    case 0x20:
      return Math.imul(a, b) >>> 0;
    case 0x30:
      return b === 0 ? null : Math.floor(a / b);
    case 0x40:
      return (a | b) >>> 0;
    case 0x50:
      return (a & b) >>> 0;
    case 0x60:
      return (a << b) >>> 0;
    case 0x70:
      return a >>> b;
    case 0x80:
      return -a >>> 0;
    case 0x90:
      return b === 0 ? null : a % b;
    default:
      return (a ^ b) >>> 0;
  }
}

function holds(operation: number, a: number, b: number): boolean {
  switch (operation) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    default:
      return (a & b) !== 0;
  }
}
