/** Meters: what `ovs-ofctl dump-meters` prints and `add-meter` reads (lib/ofp-meter.c). */
import { type Origin, type Parsed, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type Meter, type MeterBand } from '../types/flow.ts';
import { type Fault, fault, isFault, number32, wholeNumber } from './numbers.ts';

interface Draft {
  id: Meter['id'] | null;
  flags: string[];
  bands: { type: MeterBand['type']; rate: number; burst: number; precedence: number }[];
  inBands: boolean;
  readonly origin: Origin;
}

const FLAGS = ['kbps', 'pktps', 'burst', 'stats'];
const WORDS = [...FLAGS, 'meter', 'band', 'bands', 'type', 'rate', 'burst_size', 'prec_level'];
const HEADER = /^\s*OFP(?:ST|T)_METER/;
/** Words with their values: `rate=5`, `kbps`, `meter=controller`. */
const PAIR = /(bands?)=|([^=,\s]+)(?:=([^=,\s]*))?/g;

/** Reads a whole dump or meter file; a dump gives each band a line of its own. */
export function parseMeters(text: string, file: string): Parsed<readonly Meter[]> {
  const drafts: Draft[] = [];
  const problems: Problem[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const code = line.replace(/#.*/s, '');
    if (HEADER.test(code)) continue;
    for (const pair of code.matchAll(PAIR)) {
      const [whole, bands, word, value] = pair;
      const key = bands ?? word ?? '';
      if (key === 'meter') {
        const origin = { file, line: i + 1 };
        drafts.push({ id: null, flags: [], bands: [], inBands: false, origin });
      }
      const draft = drafts.at(-1);
      const wrong =
        draft === undefined ? fault('meter= is missing', key, WORDS) : take(draft, key, value);
      if (wrong !== null) problems.push(problem(file, i + 1, pair.index + 1, whole, wrong));
    }
  }
  const meters: Meter[] = [];
  for (const draft of drafts) {
    const meter = finish(draft);
    if (isFault(meter)) problems.push(problem(file, draft.origin.line, 1, 'meter', meter));
    else meters.push(meter);
  }
  return { value: meters, problems };
}

function problem(file: string, line: number, column: number, text: string, wrong: Fault): Problem {
  const hint = wrong.known === undefined ? undefined : nearest(wrong.word ?? '', wrong.known);
  const base = { file, line, column, text: text.slice(0, 200), message: wrong.fault };
  return hint === undefined ? base : { ...base, didYouMean: hint };
}

/** Takes one word into the meter; a fault when it is not understood. */
function take(draft: Draft, key: string, value: string | undefined): Fault | null {
  if (key === 'band' || key === 'bands') {
    draft.inBands = true;
    return null;
  }
  if (!draft.inBands) {
    if (key === 'meter') return takeId(draft, value ?? '');
    if (value !== undefined || !FLAGS.includes(key)) return fault('unknown word', key, WORDS);
    draft.flags.push(key);
    return null;
  }
  return takeBand(draft, key, value ?? '');
}

function takeId(draft: Draft, value: string): Fault | null {
  if (value === 'controller' || value === 'slowpath') {
    draft.id = value;
    return null;
  }
  const id = number32(value, 'the meter');
  if (isFault(id) || id === 0 || id > 0xffff_0000) return fault('not a meter number', value);
  draft.id = id;
  return null;
}

function takeBand(draft: Draft, key: string, value: string): Fault | null {
  if (key === 'type') {
    if (value !== 'drop' && value !== 'dscp_remark') {
      return fault('unknown band type', value, ['drop', 'dscp_remark']);
    }
    draft.bands.push({ type: value, rate: 0, burst: 0, precedence: 0 });
    return null;
  }
  const band = draft.bands.at(-1);
  if (band === undefined) return fault('a band starts with its type', key);
  const limit = key === 'prec_level' ? wholeNumber(value, 255, key) : number32(value, key);
  if (isFault(limit)) return limit;
  if (key === 'rate') band.rate = limit;
  else if (key === 'burst_size') band.burst = limit;
  else if (key === 'prec_level') band.precedence = limit;
  else return fault('unknown word of a band', key, WORDS);
  return null;
}

function finish(draft: Draft): Meter | Fault {
  const { id, flags, bands, origin } = draft;
  if (id === null) return fault('the meter has no number');
  if (flags.length === 0) return fault('a meter counts kbps or pktps');
  const burst = flags.includes('burst');
  for (const band of bands) {
    if (band.rate === 0) return fault('a band has a rate');
    if (burst !== band.burst > 0) return fault('burst and burst_size go together');
    if ((band.type === 'dscp_remark') !== band.precedence > 0) {
      return fault('prec_level belongs to dscp_remark');
    }
  }
  if (bands.length === 0) return fault('a meter has bands');
  const unit = flags.includes('pktps') ? 'pktps' : 'kbps';
  const rest = flags.filter((flag) => flag !== 'kbps' && flag !== 'pktps');
  return { id, unit, flags: [...new Set(rest)], bands, origin };
}

/** A meter on one line, as add-meter takes it. */
export function printMeter(meter: Meter): string {
  const bands = meter.bands.map((band) => {
    const parts = [`type=${band.type}`, `rate=${band.rate}`];
    if (meter.flags.includes('burst')) parts.push(`burst_size=${band.burst}`);
    if (band.type === 'dscp_remark') parts.push(`prec_level=${band.precedence}`);
    return parts.join(',');
  });
  return [`meter=${meter.id}`, meter.unit, ...meter.flags, `band=${bands.join(',')}`].join(',');
}
