/** The statements of `vrrp_script`, one row each. */
import { type VrrpScript, type Weight } from '../types.ts';
import { type Complaints, complain, type Line, quoted, type Word } from './lexer.ts';
import {
  type Codec,
  count,
  type Draft,
  type Printed,
  printRows,
  readRows,
  rowsByKey,
  rowsOf,
  seconds,
  WORDS,
} from './setting.ts';
import { weightOf, writeWeight } from './tracked.ts';

/** `weight N [reverse]`. */
const WEIGHT: Codec<Weight> = {
  read(line, keyword, complaints) {
    const [, value, direction] = line.words;
    if (direction !== undefined && !/^(no_?)?reverse$/.test(direction.text)) {
      complain(complaints, direction, 'expected reverse', ['reverse', 'noreverse']);
    }
    const weight = weightOf(value ?? keyword, complaints);
    return weight === null ? undefined : { value: weight, reverse: direction?.text === 'reverse' };
  },
  write: ({ value, reverse }) => ({ words: writeWeight(value, reverse), block: null }),
};

const of = rowsOf<VrrpScript>();

const ROWS = rowsByKey<VrrpScript>([
  of.field('script', WORDS, 'command'),
  of.field('interval', seconds(), 'interval_us'),
  of.field('timeout', seconds(), 'timeout_us'),
  of.field('weight', WEIGHT, 'weight'),
  of.field('rise', count(1, 2 ** 31), 'rise'),
  of.field('fall', count(1, 2 ** 31), 'fall'),
  of.flag('init_fail', 'initiallyFailed'),
]);

/** Reads one `vrrp_script`. */
export function readScript(line: Line, keyword: Word, complaints: Complaints): VrrpScript {
  const [, name] = line.words;
  if (name === undefined) complain(complaints, keyword, 'the script has no name');
  const draft: Draft<VrrpScript> = {
    name: name?.text ?? '',
    command: [],
    interval_us: null,
    timeout_us: null,
    weight: null,
    rise: null,
    fall: null,
    initiallyFailed: null,
    origin: { file: complaints.file, line: keyword.line },
    others: [],
  };
  const others = readRows(ROWS, new Set(['user']), draft, line.block ?? [], complaints);
  return { ...draft, others };
}

/** Prints one `vrrp_script`. */
export function printScript(script: VrrpScript): Printed {
  const block = printRows(ROWS.values(), script, script.others);
  return { words: ['vrrp_script', quoted(script.name)], block };
}
