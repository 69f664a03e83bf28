/**
 * `nft list ruleset` beside `iptables-save`: with iptables-nft both show the same rules, so
 * where they disagree somebody has written rules of his own, or one dump is older. Only what
 * can be compared without guessing is: tables, chains, policies, the number of rules and where
 * each rule leads.
 */
import { type Parsed, type Problem } from '../../text/problem.ts';
import { type Chain, type Rule, type Ruleset } from './types.ts';

export interface NftChain {
  readonly name: string;
  /** `accept`, `drop`; null for a chain that no hook asks. */
  readonly policy: string | null;
  /** Whether a hook of the kernel asks it. */
  readonly hooked: boolean;
  /** Where each rule leads: `accept`, `jump NAME`, or '' when it goes on or is opaque. */
  readonly verdicts: readonly string[];
  /** The line of each rule. */
  readonly lines: readonly number[];
  readonly line: number;
}

export interface NftTable {
  /** `ip`, `ip6`, `inet`, `bridge`, `arp`. */
  readonly family: string;
  readonly name: string;
  readonly chains: readonly NftChain[];
  readonly line: number;
}

type OpenChain = { -readonly [K in keyof NftChain]: NftChain[K] } & {
  verdicts: string[];
  lines: number[];
};
type OpenTable = Omit<NftTable, 'chains'> & { chains: OpenChain[] };

const VERDICT = /(?:^|\s)(accept|drop|return|queue|(?:jump|goto) \S+)(?: comment "[^"]*")?\s*$/;

/** Reads the skeleton of `nft list ruleset`. `file` only names the origin. Never throws. */
export function parseNftRuleset(text: string, file: string): Parsed<readonly NftTable[]> {
  const tables: OpenTable[] = [];
  const problems: Problem[] = [];
  let chain: OpenChain | null = null;
  let depth = 0;
  for (const [i, raw] of text.split('\n').entries()) {
    // `nft -a` ends every line with the handle of what it shows.
    const line = raw.replace(/\s*# handle \d+\s*$/, '').trim();
    if (line === '' || line.startsWith('#')) continue;
    const table = /^table (\S+) (\S+) \{$/.exec(line);
    const named = /^chain (\S+) \{$/.exec(line);
    if (table !== null) {
      tables.push({ family: table[1] ?? '', name: table[2] ?? '', chains: [], line: i + 1 });
      depth = 1;
    } else if (named !== null && depth === 1) {
      chain = emptyChain(named[1] ?? '', i + 1);
      tables.at(-1)?.chains.push(chain);
      depth = 2;
    } else if (line.endsWith('{')) depth++;
    else if (line === '}') {
      depth--;
      if (depth < 0) {
        problems.push({ file, line: i + 1, column: 1, text: line, message: 'a brace too many' });
        depth = 0;
      }
      if (depth <= 1) chain = null;
    } else if (chain !== null && depth === 2) {
      const policy = /^type .*policy (\S+);$/.exec(line);
      if (/^type .*\bhook\b/.test(line)) chain.hooked = true;
      if (policy !== null) chain.policy = policy[1] ?? null;
      else if (!line.startsWith('type ')) {
        chain.verdicts.push(VERDICT.exec(line)?.[1] ?? '');
        chain.lines.push(i + 1);
      }
    }
  }
  return { value: tables, problems };
}

function emptyChain(name: string, line: number): OpenChain {
  return { name, policy: null, hooked: false, verdicts: [], lines: [], line };
}

/** Where a rule leads, in nft's words; '' where nft shows an expression. */
function verdictOf({ target }: Rule): string {
  switch (target.kind) {
    case 'verdict':
      return target.verdict.toLowerCase();
    case 'jump':
    case 'goto':
      return `${target.kind} ${target.chain}`;
    default:
      return '';
  }
}

/**
 * Where `nft list ruleset` disagrees with `iptables-save` of the same namespace. Tables that
 * nft does not show at all mean that iptables uses the legacy backend: then there is nothing
 * to compare.
 */
export function compareNft(
  ruleset: Ruleset,
  nft: readonly NftTable[],
  file: string,
): readonly Problem[] {
  const family = ruleset.version === 4 ? 'ip' : 'ip6';
  const problems: Problem[] = [];
  const say = (line: number, text: string, message: string): void => {
    problems.push({ file, line, column: 1, text: text.slice(0, 200), message });
  };
  if (ruleset.version === 4) for (const table of nft) if (isOwn(table)) say(...ownTable(table));
  for (const table of nft.filter((each) => each.family === family)) {
    const shown = ruleset.tables.find((each) => each.name === table.name);
    if (isOwn(table)) continue;
    if (shown === undefined) {
      say(table.line, `table ${family} ${table.name}`, 'iptables-save does not show this table');
      continue;
    }
    const chains = new Map(shown.chains.map((chain) => [chain.name, chain]));
    for (const chain of table.chains) {
      const same = chains.get(chain.name);
      chains.delete(chain.name);
      if (same === undefined) {
        say(chain.line, `chain ${chain.name}`, 'iptables-save does not show this chain');
      } else compareChain(chain, same, say);
    }
    for (const chain of chains.values()) {
      // nft leaves out base chains that nobody has used yet.
      if (chain.rules.length === 0 && chain.policy !== null) continue;
      say(table.line, `chain ${chain.name}`, 'nft does not show this chain of iptables-save');
    }
  }
  return problems;
}

/** Tables that iptables, ebtables and arptables make of their own by family. */
const XTABLES: Readonly<Record<string, readonly string[]>> = {
  ip: ['raw', 'mangle', 'nat', 'filter', 'security'],
  ip6: ['raw', 'mangle', 'nat', 'filter', 'security'],
  bridge: ['nat', 'filter', 'broute'],
  arp: ['filter'],
};

/** Whether somebody wrote the table for nftables itself; it then works beside iptables. */
function isOwn({ family, name, chains }: NftTable): boolean {
  return XTABLES[family]?.includes(name) !== true && chains.some(({ hooked }) => hooked);
}

function ownTable({ line, family, name }: NftTable): [number, string, string] {
  const message = 'this table of nftables works beside iptables, and is not emulated';
  return [line, `table ${family} ${name}`, message];
}

function compareChain(
  nft: NftChain,
  chain: Chain,
  say: (line: number, text: string, message: string) => void,
): void {
  if (nft.policy !== null && nft.policy !== chain.policy?.toLowerCase()) {
    say(nft.line, `policy ${nft.policy}`, `iptables-save shows the policy ${chain.policy ?? '-'}`);
  }
  if (nft.verdicts.length !== chain.rules.length) {
    const message = `nft shows ${nft.verdicts.length} rules, iptables-save ${chain.rules.length}`;
    say(nft.line, `chain ${nft.name}`, message);
    return;
  }
  for (const [i, verdict] of nft.verdicts.entries()) {
    const rule = chain.rules[i];
    const other = rule === undefined ? '' : verdictOf(rule);
    if (verdict === '' || other === '' || verdict === other) continue;
    const message = `rule ${i + 1} leads to "${verdict}", in iptables-save to "${other}"`;
    say(nft.lines[i] ?? nft.line, `chain ${nft.name}`, message);
  }
}
