/**
 * One rule as text: the options that every rule has, its matches and its target, printed as
 * `iptables-save` does (iptables/iptables.c save_rule4()). rule-reader.ts reads the same text.
 */
import { type Rule, type RuleMatch, type Target } from '../types.ts';
import { writeNetwork } from './address.ts';
import { interfaceName } from './codec.ts';
import { MATCHES } from './match-rows.ts';
import { type Given, printOptions } from './options.ts';
import { TARGETS } from './target-rows.ts';
import { quoted } from './words.ts';

const bang = (given: Given<unknown>): string => (given.not ? ' !' : '');

/** Prints a rule without `-A CHAIN` and counters; with a blank before it unless it is empty. */
export function printRule(rule: Rule): string {
  let text = '';
  const { source, destination, inInterface, outInterface, protocol, fragment } = rule;
  if (source !== null) text += `${bang(source)} -s ${writeNetwork(source.value)}`;
  if (destination !== null) text += `${bang(destination)} -d ${writeNetwork(destination.value)}`;
  if (inInterface !== null)
    text += `${bang(inInterface)} -i${interfaceName.write(inInterface.value)}`;
  if (outInterface !== null) {
    text += `${bang(outInterface)} -o${interfaceName.write(outInterface.value)}`;
  }
  if (protocol !== null) text += `${bang(protocol)} -p ${protocol.value.name}`;
  if (fragment !== null) text += `${bang(fragment)} -f`;
  for (const match of rule.matches) text += printMatch(match);
  return text + printTarget(rule.target);
}

function printMatch(match: RuleMatch): string {
  if (match.kind !== 'verbatim') {
    return ` -m ${match.kind}${printOptions(MATCHES[match.kind], match.options)}`;
  }
  const head = match.name === '' ? '' : ` -m ${match.name}`;
  return head + match.words.map((each) => ` ${verbatimWord(each)}`).join('');
}

/** Words of an unknown match are quoted only where blanks would break them. */
function verbatimWord(each: string): string {
  return /[\s"'\\]/.test(each) && !each.startsWith('! ') ? quoted(each) : each;
}

/** Prints a target; with a blank before it unless there is none. */
export function printTarget(target: Target): string {
  switch (target.kind) {
    case 'none':
      return '';
    case 'verdict':
      return ` -j ${target.verdict}`;
    case 'jump':
      return ` -j ${target.chain}`;
    case 'goto':
      return ` -g ${target.chain}`;
    case 'verbatim':
      return ` -j ${target.name}${target.words.map((each) => ` ${verbatimWord(each)}`).join('')}`;
    default:
      return ` -j ${target.kind}${printOptions(TARGETS[target.kind], target.options)}`;
  }
}
