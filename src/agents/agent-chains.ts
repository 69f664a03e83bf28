/**
 * The skeleton of chains that every agent of Neutron loads before its own rules
 * (neutron/agent/linux/iptables_manager.py): each built-in chain jumps to the agent's chain of the
 * same name, FORWARD and OUTPUT through `neutron-filter-top`, POSTROUTING ends in
 * `neutron-postrouting-bottom`. Chain names are cut to 28 characters, the binary's to 16.
 */

const LONGEST_NAME = 28;
/** What the agent's own chains begin with is cut, so that the rest has room. */
const LONGEST_BINARY = 16;

export type TableName = 'raw' | 'mangle' | 'nat' | 'filter';

const BUILT_IN: Readonly<Record<TableName, readonly string[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** One table that grows rule by rule; rules keep the order in which they are added. */
export interface TableText {
  /** Declares one of the agent's own chains and gives its full name. */
  chain(name: string): string;
  /** Appends to one of the agent's own chains. */
  rule(chain: string, text: string): void;
}

export interface AgentRules {
  readonly table: (name: TableName) => TableText;
  /** The full name of one of the agent's own chains. */
  readonly name: (chain: string) => string;
  /** As `iptables-save` prints it. */
  text(): string;
}

interface Table {
  readonly chains: Set<string>;
  readonly rules: Map<string, string[]>;
  /** Rules of built-in and shared chains, which jump to the agent's. */
  readonly jumps: string[];
}

/**
 * `binary` names the agent: `neutron-l3-agent`, `neutron-openvswitch-agent`… `tables` are those
 * that the agent fills; `nat` of the second IP version has a chain for PREROUTING alone.
 */
export function agentRules(
  binary: string,
  tables: readonly TableName[],
  version: 4 | 6 = 4,
): AgentRules {
  const prefix = binary.slice(0, LONGEST_BINARY);
  const name = (chain: string): string => `${prefix}-${chain}`.slice(0, LONGEST_NAME);
  const made = new Map<TableName, Table>();
  const project = binary.split('-')[0] ?? '';
  for (const table of tables) made.set(table, skeleton(project, table, name, version));
  const find = (table: TableName): Table => {
    const found = made.get(table);
    if (found === undefined) throw new RangeError(`the agent does not fill table ${table}`);
    return found;
  };
  return {
    name,
    table: (table) => {
      const of = find(table);
      const chain = (own: string): string => {
        of.chains.add(name(own));
        return name(own);
      };
      return {
        chain,
        rule: (own, text) => {
          const full = chain(own);
          const list = of.rules.get(full) ?? [];
          of.rules.set(full, list);
          list.push(`-A ${full} ${text}`);
        },
      };
    },
    text: () => [...made].map(([table, of]) => print(table, of)).join(''),
  };
}

function skeleton(
  project: string,
  table: TableName,
  name: (chain: string) => string,
  version: 4 | 6,
): Table {
  const chains = new Set<string>();
  const rules = new Map<string, string[]>();
  const jumps: string[] = [];
  const wrapped =
    table === 'nat' && version === 6
      ? ['PREROUTING']
      : table === 'nat'
        ? ['PREROUTING', 'OUTPUT', 'POSTROUTING']
        : BUILT_IN[table];
  for (const chain of wrapped) {
    if (table === 'filter' && chain !== 'INPUT') jumps.push(`-A ${chain} -j ${project}-filter-top`);
    jumps.push(`-A ${chain} -j ${name(chain)}`);
    chains.add(name(chain));
  }
  if (table === 'filter') {
    chains.add(`${project}-filter-top`).add(name('local'));
    jumps.push(`-A ${project}-filter-top -j ${name('local')}`);
  }
  if (table === 'nat' && version === 4) {
    for (const chain of ['snat', 'float-snat']) chains.add(name(chain));
    chains.add(`${project}-postrouting-bottom`);
    jumps.push(`-A POSTROUTING -j ${project}-postrouting-bottom`);
    jumps.push(
      `-A ${project}-postrouting-bottom -m comment --comment ` +
        `"Perform source NAT on outgoing traffic." -j ${name('snat')}`,
    );
  }
  return { chains, rules, jumps };
}

function print(table: TableName, { chains, rules, jumps }: Table): string {
  const lines = [
    `*${table}`,
    ...BUILT_IN[table].map((chain) => `:${chain} ACCEPT [0:0]`),
    ...[...chains].sort().map((chain) => `:${chain} - [0:0]`),
    ...jumps,
    ...[...rules.keys()].sort().flatMap((chain) => rules.get(chain) ?? []),
    'COMMIT',
    '',
  ];
  return lines.join('\n');
}
