/** keepalived.conf, parsed and printed. */
import { type Parsed } from '../../../text/problem.ts';
import {
  type GlobalDefinitions,
  type Keepalived,
  type Statement,
  type SyncGroup,
  type VirtualAddress,
  type VirtualRoute,
  type VirtualRule,
  type VrrpInstance,
  type VrrpScript,
} from '../types.ts';
import { VIRTUAL_ADDRESS } from './address.ts';
import { NO_GLOBALS, printGlobals, readGlobals } from './globals.ts';
import { printSyncGroup, readSyncGroup } from './group.ts';
import { printInstance, readInstance } from './instance.ts';
import { type Complaints, complain, type Line, lex, type Word } from './lexer.ts';
import { checkOther, OTHER_WORDS } from './other-blocks.ts';
import { VIRTUAL_ROUTE, VIRTUAL_RULE } from './route.ts';
import { printScript, readScript } from './script.ts';
import { asStatement, list, type Printed, printed } from './setting.ts';

interface Reading {
  globals: GlobalDefinitions;
  readonly instances: VrrpInstance[];
  readonly syncGroups: SyncGroup[];
  readonly scripts: VrrpScript[];
  readonly staticAddresses: VirtualAddress[];
  readonly staticRoutes: VirtualRoute[];
  readonly staticRules: VirtualRule[];
  readonly others: Statement[];
}

type Reader = (into: Reading, line: Line, keyword: Word, complaints: Complaints) => void;

const BLOCKS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'global_defs',
    (into, line, _keyword, complaints) => {
      into.globals = readGlobals(into.globals, line.block ?? [], complaints);
    },
  ],
  ['vrrp_instance', (into, ...rest) => into.instances.push(readInstance(...rest))],
  ['vrrp_sync_group', (into, ...rest) => into.syncGroups.push(readSyncGroup(...rest))],
  ['vrrp_script', (into, ...rest) => into.scripts.push(readScript(...rest))],
  [
    'static_ipaddress',
    (into, ...rest) => into.staticAddresses.push(...(list(VIRTUAL_ADDRESS).read(...rest) ?? [])),
  ],
  [
    'static_routes',
    (into, ...rest) => into.staticRoutes.push(...(list(VIRTUAL_ROUTE).read(...rest) ?? [])),
  ],
  [
    'static_rules',
    (into, ...rest) => into.staticRules.push(...(list(VIRTUAL_RULE).read(...rest) ?? [])),
  ],
]);

// Simplification: virtual servers (IPVS) and BFD of keepalived are read as text and do nothing.
/**
 * Parses a file. What is not understood is a problem with its place; blocks that are not about
 * VRRP are kept in `others`.
 */
export function parseKeepalived(text: string, file: string): Parsed<Keepalived> {
  const complaints: Complaints = { file, problems: [] };
  const reading: Reading = {
    globals: NO_GLOBALS,
    instances: [],
    syncGroups: [],
    scripts: [],
    staticAddresses: [],
    staticRoutes: [],
    staticRules: [],
    others: [],
  };
  for (const line of lex(text, complaints)) {
    const [keyword] = line.words;
    if (keyword === undefined) continue;
    const reader = BLOCKS.get(keyword.text);
    if (reader !== undefined) {
      reader(reading, line, keyword, complaints);
      continue;
    }
    reading.others.push(asStatement(line, file));
    if (checkOther(line, complaints)) continue;
    if (/^include[a-z]?$/.test(keyword.text)) {
      complain(complaints, keyword, 'the included file is not part of the snapshot');
    } else if (keyword.text.startsWith('@')) {
      complain(complaints, keyword, 'whether this condition holds is not known');
    } else complain(complaints, keyword, 'unknown block', [...BLOCKS.keys(), ...OTHER_WORDS]);
  }
  return { value: reading, problems: complaints.problems };
}

/** Prints a file that keepalived reads as the same configuration. */
export function printKeepalived(config: Keepalived): string {
  const globals = printGlobals(config.globals);
  const block = (name: string, lines: readonly (readonly string[])[]): readonly Printed[] =>
    lines.length === 0
      ? []
      : [{ words: [name], block: lines.map((words) => ({ words, block: null })) }];
  const statements: readonly Printed[] = [
    ...(globals === null ? [] : [globals]),
    ...block('static_ipaddress', config.staticAddresses.map(VIRTUAL_ADDRESS.write)),
    ...block('static_routes', config.staticRoutes.map(VIRTUAL_ROUTE.write)),
    ...block('static_rules', config.staticRules.map(VIRTUAL_RULE.write)),
    ...config.scripts.map(printScript),
    ...config.syncGroups.map(printSyncGroup),
    ...config.instances.map(printInstance),
    ...config.others.map(printed),
  ];
  return statements.map((one) => `${lines(one, '').join('\n')}\n`).join('');
}

function lines({ words, block }: Printed, indent: string): readonly string[] {
  const head = `${indent}${words.join(' ')}`;
  if (block === null) return [head];
  return [`${head} {`, ...block.flatMap((one) => lines(one, `${indent}    `)), `${indent}}`];
}
