/** Conditions of rules on the packet's bytes, and how they are asked. */
import { type Truth } from '../../../traffic/guard.ts';
import { type Split, type Traffic } from '../../../traffic/traffic.ts';
import { transportOf } from '../../conntrack/transport-bytes.ts';
import { type KnownMatch } from '../text/match-rows.ts';
import { type Given } from '../text/options.ts';
import { parseBytecode, runBpf } from './bpf.ts';
import {
  hasAuthentication,
  hasCompressionIndex,
  hasFragmentHeader,
  hasHeaders,
  hasMobilityType,
  hasOptionsHeader,
  hasRoutingHeader,
  hasSegmentRouting,
} from './extension.ts';
import { hasChunks, hasDccpType, hasMss, hasSpi, hasTcpOption, parseChunks } from './headers.ts';
import { hexPattern, plainPattern, search } from './pattern.ts';
import { type ContentTest, type PacketBytes } from './types.ts';
import { parseU32, runU32 } from './u32.ts';

type Ask = ContentTest['ask'];

/** Turned around where `!` stands before the option; not known stays so. */
function given<T>(
  option: Given<T> | undefined,
  ask: (value: T, packet: PacketBytes) => Truth,
): readonly Ask[] {
  if (option === undefined) return [];
  const { value, not } = option;
  if (!not) return [(packet) => ask(value, packet)];
  return [
    (packet) => {
      const is = ask(value, packet);
      return is === -1 ? -1 : is === 1 ? 0 : 1;
    },
  ];
}

/**
 * The tests on bytes of one match: none where its fields say everything, null where its text
 * is not understood.
 */
export function contentTests(match: KnownMatch): readonly ContentTest[] | null {
  const asks = asksOf(match);
  return asks === null ? null : asks.map((ask) => ({ kind: 'content', ask }));
}

function asksOf(match: KnownMatch): readonly Ask[] | null {
  switch (match.kind) {
    case 'tcp':
      return given(match.options.tcpOption, (kind, packet) => hasTcpOption(packet, kind));
    case 'tcpmss':
      return given(match.options.mss, (mss, packet) => hasMss(packet, mss));
    case 'sctp':
      return chunkAsks(match.options.chunks);
    case 'dccp':
      // Simplification: options of DCCP packets are not looked for.
      return match.options.dccpOption === undefined
        ? given(match.options.types, (list, packet) => hasDccpType(packet, list))
        : null;
    case 'esp':
      return given(match.options.spi, (spi, packet) => hasSpi(packet, 0, spi));
    case 'ah':
      // The length and the reserved field are asked in IPv6 only.
      return [
        (packet) => {
          if (packet.version === 6) return hasAuthentication(packet, match.options);
          const [ask] = given(match.options.spi, (spi, each) => hasSpi(each, 4, spi));
          return ask === undefined ? 1 : ask(packet);
        },
      ];
    case 'ipcomp':
      return [(packet) => hasCompressionIndex(packet, match.options)];
    case 'frag':
      return [(packet) => hasFragmentHeader(packet, match.options)];
    case 'hbh':
    case 'dst':
      return [(packet) => hasOptionsHeader(packet, match.kind, match.options)];
    case 'rt':
      return [(packet) => hasRoutingHeader(packet, match.options)];
    case 'ipv6header':
      return [(packet) => hasHeaders(packet, match.options)];
    case 'srh':
      return [(packet) => hasSegmentRouting(packet, match.options)];
    case 'mh':
      return [(packet) => hasMobilityType(packet, match.options)];
    case 'u32': {
      const tests = parseU32(match.options.u32?.value ?? '');
      return tests && given(match.options.u32, (_, packet) => runU32(tests, packet));
    }
    case 'string':
      return patternAsks(match.options);
    case 'bpf': {
      const program = parseBytecode(match.options.bytecode?.value ?? '');
      return program && [(packet) => runBpf(program, packet)];
    }
    default:
      return [];
  }
}

function chunkAsks(
  chunks: Extract<KnownMatch, { kind: 'sctp' }>['options']['chunks'],
): readonly Ask[] | null {
  if (chunks === undefined) return [];
  const [how = '', list = ''] = chunks.value;
  const wanted = parseChunks(list);
  return wanted && given(chunks, (_, packet) => hasChunks(packet, how, wanted));
}

function patternAsks(
  options: Extract<KnownMatch, { kind: 'string' }>['options'],
): readonly Ask[] | null {
  const { string, hex, from, to, anyCase } = options;
  const text = string ?? hex;
  if (text === undefined) return null;
  const pattern = string === undefined ? hexPattern(text.value) : plainPattern(text.value);
  if (pattern === null) return null;
  const where = {
    pattern,
    from: from?.value ?? 0,
    to: to?.value ?? 65_535,
    anyCase: anyCase !== undefined,
  };
  return given(text, (_, packet) => search(where, packet));
}

/** Asks one test; null where nobody can know the answer. */
export function askContent<P>(
  traffic: Traffic<P>,
  { ask }: ContentTest,
  version: 4 | 6,
  p: P,
): Split<P> | null {
  const content = traffic.content(p);
  if (content === null) return null;
  const { bytes, known } = content;
  const place = transportOf(bytes, version);
  const is = ask({
    bytes,
    known,
    version,
    transport: place?.at ?? ((bytes[0] ?? 0) & 15) * 4,
    end: place?.end ?? bytes.length,
    later: place === null,
  });
  if (is === -1) return null;
  return is === 1 ? { hit: p, miss: null } : { hit: null, miss: p };
}
