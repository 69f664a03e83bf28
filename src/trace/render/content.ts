/** What an answer gave beyond arriving, and the worlds of a question that has several. */
import { forTerminal } from '../../text/escape.ts';
import { type Content, type Trace } from '../types.ts';
import { prose, row } from './layout.ts';
import { type Page } from './style.ts';

/** Rows about what was given; none where nothing was. */
export function contentLines({ content }: Trace, page: Page): readonly string[] {
  return content === null ? [] : prose('given', sentenceOf(content), page);
}

function sentenceOf(content: Content): string {
  switch (content.kind) {
    case 'lease': {
      const { address, server, settings } = content;
      const more = SHOWN.flatMap(([name, label]) => {
        const value = settings.get(name);
        return value === undefined ? [] : [`${label} ${value}`];
      });
      return [`${address} by ${server}`, ...more].join(' · ');
    }
    case 'neighbour':
      return `answered by ${content.macs.join(' and ')}`;
    case 'autonomous':
      return `${content.addresses.join(', ')} formed from what ${content.router} advertises`;
    case 'metadata':
      return content.instance === null
        ? `the service is told of ${content.client}, which is no port of that network`
        : `the service takes ${content.client} for the server ${content.instance}`;
  }
}

/** Settings that the short form shows, by dhclient's names. */
const SHOWN: readonly (readonly [name: string, label: string])[] = [
  ['subnet_mask', 'mask'],
  ['routers', 'router'],
  ['interface_mtu', 'MTU'],
  ['domain_name_servers', 'DNS'],
  ['dhcp6_name_servers', 'DNS'],
  ['dhcp_lease_time', 'lease seconds'],
];

/** Rows about the worlds; none where there is but one. */
export function worldLines({ alternatives }: Trace, page: Page): readonly string[] {
  return alternatives.map(({ chosen, trace }, i) => {
    const { verdict, receivedBy } = trace;
    const to = receivedBy === null ? '' : ` (${receivedBy})`;
    const code = trace.blockers[0]?.code;
    const why = code === undefined ? '' : ` ${code}`;
    const mark = verdict === 'REACHABLE' ? 'good' : verdict === 'UNREACHABLE' ? 'bad' : 'unsure';
    const text = `${chosen.join(', ')}${to}: ${verdict}${why}`;
    return row(i === 0 ? 'worlds' : '', page.style(mark, `${i + 1}  ${forTerminal(text)}`));
  });
}
