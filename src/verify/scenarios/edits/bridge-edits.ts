/** Faults of Open vSwitch: flows, ports and learned addresses. */
import {
  type DumpTexts,
  loseSwitchPorts,
  type Row,
  rewrite,
  rewriteLines,
  rewriteTable,
} from './dump.ts';
import { type EditRow, type EditWords } from './edit-row.ts';

function flowsOf(words: EditWords): (name: string) => boolean {
  const path = `hosts/${words.one('host')}/ovs/${words.one('bridge')}.flows.txt`;
  return (name) => name === path;
}

/** A flow that has the words, whatever stands around them. */
function changeFlows(
  files: DumpTexts,
  words: EditWords,
  change: (line: string) => string | undefined,
): number {
  return rewrite(files, flowsOf(words), (text) => rewriteLines(text, words.all('with'), change));
}

/** The column of one interface's options, as `ovs-vsctl --format=json` writes a map. */
function withOption(row: Row, name: string, value: string): Row {
  const options = row['options'];
  const pairs = Array.isArray(options) ? (options[1] as readonly (readonly string[])[]) : [];
  const rest = pairs.filter(([key]) => key !== name);
  return { ...row, options: ['map', [...rest, [name, value]]] };
}

export const bridgeEdits = {
  lose_flows: {
    says: 'Flows of a bridge that hold all the words are gone.',
    needs: ['host', 'bridge', 'with'],
    may: [],
    apply: (files, words) => changeFlows(files, words, () => undefined),
  },
  change_flows: {
    says: 'Flows that hold all the words say something else.',
    needs: ['host', 'bridge', 'with', 'replace', 'by'],
    may: [],
    apply: (files, words) =>
      changeFlows(files, words, (line) => line.replace(words.one('replace'), words.one('by'))),
  },
  add_flow: {
    says: 'A bridge has one flow more.',
    needs: ['host', 'bridge', 'flow'],
    may: [],
    apply: (files, words) =>
      rewrite(files, flowsOf(words), (text) => `${text} ${words.one('flow')}\n`),
  },
  set_tag: {
    says: 'A port of a bridge has another access VLAN.',
    needs: ['host', 'port', 'tag'],
    may: [],
    apply: (files, words) =>
      rewriteTable(files, words.one('host'), 'Port', (row) =>
        row['name'] === words.one('port') ? { ...row, tag: Number(words.one('tag')) } : row,
      ),
  },
  set_option: {
    says: 'A tunnel or patch port has another option.',
    needs: ['host', 'port', 'name', 'value'],
    may: [],
    apply: (files, words) =>
      rewriteTable(files, words.one('host'), 'Interface', (row) =>
        row['name'] === words.one('port')
          ? withOption(row, words.one('name'), words.one('value'))
          : row,
      ),
  },
  lose_port: {
    says: 'A bridge has no such port any more.',
    needs: ['host', 'port'],
    may: [],
    apply: (files, words) => loseSwitchPorts(files, words.one('host'), words.all('port')),
  },
  learn: {
    says: 'A bridge has learned a MAC behind a port.',
    needs: ['host', 'bridge', 'port', 'vlan', 'mac'],
    may: [],
    apply: (files, words) => {
      const path = `hosts/${words.one('host')}/ovs/${words.one('bridge')}.fdb.txt`;
      const row = ` ${words.one('port')}  ${words.one('vlan')}  ${words.one('mac')}    1\n`;
      return rewrite(
        files,
        (name) => name === path,
        (text) => text + row,
      );
    },
  },
} as const satisfies Record<string, EditRow>;
