/** Faults of whole programs, namespaces and hosts. */
import {
  type DumpTexts,
  inNamespaces,
  loseSwitchPorts,
  type Row,
  rewrite,
  rewriteLines,
  rewriteRows,
} from './dump.ts';
import { type EditRow } from './edit-row.ts';

function lose(files: DumpTexts, path: (name: string) => boolean): number {
  let lost = 0;
  for (const name of [...files.keys()]) {
    if (path(name) && files.delete(name)) lost++;
  }
  return lost;
}

/** The other ends of its veths vanish, and ports of the switch that were moved into it. */
function loseNamespace(files: DumpTexts, host: string, namespace: string): number {
  const list = files.get(`hosts/${host}/netns-list.txt`)?.() ?? '';
  const [, id] = new RegExp(`^${namespace} \\(id: (\\d+)\\)`, 'm').exec(list) ?? [];
  const links: unknown = JSON.parse(
    files.get(`hosts/${host}/ns/${namespace}/ip-link.json`)?.() ?? '[]',
  );
  const inside = (Array.isArray(links) ? (links as readonly Row[]) : []).map(
    ({ ifname }) => ifname,
  );
  loseSwitchPorts(
    files,
    host,
    inside.map(String).filter((name) => name !== 'lo'),
  );
  const gone = new Set<unknown>();
  for (const file of ['ip-link.json', 'ip-addr.json', 'bridge-link.json']) {
    rewriteRows(files, inNamespaces(host, 'root', file), (row) => {
      if (row['link_netnsid'] === Number(id)) gone.add(row['ifname']);
      return gone.has(row['ifname']) ? undefined : row;
    });
  }
  rewrite(
    files,
    (name) => name === `hosts/${host}/netns-list.txt`,
    (text) => rewriteLines(text, [namespace], () => undefined),
  );
  return lose(files, (name) => name.startsWith(`hosts/${host}/ns/${namespace}/`));
}

export const hostEdits = {
  configure: {
    says: 'A configuration file of a program says something else.',
    needs: ['host', 'file', 'replace', 'by'],
    may: [],
    apply: (files, words) => {
      const begin = `hosts/${words.one('host')}/`;
      return rewrite(
        files,
        (name) => name.startsWith(begin) && name.endsWith(`/${words.one('file')}`),
        (text) => text.replace(words.one('replace'), () => words.one('by')),
      );
    },
  },
  stop: {
    says: 'A program does not run: nobody listens on its sockets.',
    needs: ['host', 'process'],
    may: ['namespace', 'with'],
    apply: (files, words) => {
      const process = words.one('process');
      const sockets = inNamespaces(words.one('host'), words.optional('namespace'), 'ss-listen.txt');
      const lines = (name: string): boolean =>
        name === `hosts/${words.one('host')}/daemon-cmdlines.txt`;
      return (
        rewrite(files, sockets, (text) =>
          rewriteLines(text, [`"${process}"`, ...words.all('with')], () => undefined),
        ) +
        rewrite(files, lines, (text) =>
          rewriteLines(text, [process, ...words.all('with')], () => undefined),
        )
      );
    },
  },
  change_daemon: {
    says: 'A daemon runs with other options: its command line says something else.',
    needs: ['host', 'with', 'replace', 'by'],
    may: [],
    apply: (files, words) =>
      rewrite(
        files,
        (name) => name === `hosts/${words.one('host')}/daemon-cmdlines.txt`,
        (text) =>
          rewriteLines(text, words.all('with'), (line) =>
            line.replace(words.one('replace'), words.one('by')),
          ),
      ),
  },
  change_file: {
    says: 'A configuration file says something else.',
    needs: ['host', 'file', 'replace', 'by'],
    may: [],
    apply: (files, words) =>
      rewrite(
        files,
        (name) => name === `hosts/${words.one('host')}/files/${words.one('file')}`,
        (text) => text.replaceAll(words.one('replace'), words.one('by')),
      ),
  },
  lose_lines: {
    says: 'A configuration file lacks the lines that hold all the words.',
    needs: ['host', 'file', 'with'],
    may: [],
    apply: (files, words) =>
      rewrite(
        files,
        (name) => name === `hosts/${words.one('host')}/files/${words.one('file')}`,
        (text) => rewriteLines(text, words.all('with'), () => undefined),
      ),
  },
  change_underlay: {
    says: 'The network between the hosts is set otherwise (`underlay.yaml`, as JSON).',
    needs: ['port', 'replace', 'by'],
    may: [],
    apply: (files, words) =>
      rewrite(
        files,
        (name) => name === 'underlay.yaml',
        (text) => {
          // The statement of one port of a switch, up to its closing brace.
          const from = text.indexOf(`"name": "${words.one('port')}"`);
          const to = text.indexOf('}', from);
          if (from < 0) return text;
          const own = text.slice(from, to).replace(words.one('replace'), words.one('by'));
          return text.slice(0, from) + own + text.slice(to);
        },
      ),
  },
  lose_namespace: {
    says: 'A host has no such namespace, and nothing that stood in it.',
    needs: ['host', 'namespace'],
    may: [],
    apply: (files, words) => loseNamespace(files, words.one('host'), words.one('namespace')),
  },
} as const satisfies Record<string, EditRow>;
