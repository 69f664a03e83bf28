/**
 * The frame of the local pages: who is asked about, the questions one can ask, the answer. Forms
 * and links only: an address says everything about its page, and nothing runs in the browser.
 */
import { forMarkup } from '../../text/escape.ts';
import { htmlPage } from '../../text/html-page.ts';
import { type Served } from './served.ts';

/** The fields of the question, as the address of a page has them. */
export interface Query {
  readonly from: string;
  readonly to: string;
  readonly protocol: 'icmp' | 'tcp' | 'udp';
  readonly port: string;
  readonly size: string;
  readonly df: boolean;
  readonly ipv6: boolean;
}

/** Reads the fields; what is missing is what the form shows at first. */
export function queryOf(read: (name: string) => string | undefined): Query {
  const protocol = read('protocol');
  return {
    from: read('from') ?? '',
    to: read('to') ?? '',
    protocol: protocol === 'tcp' || protocol === 'udp' ? protocol : 'icmp',
    port: read('port') ?? '',
    size: read('size') ?? '',
    df: read('df') !== undefined,
    ipv6: read('ipv6') !== undefined,
  };
}

/** The address of a question's page. */
export function addressOf(path: string, query: Partial<Query>): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === true) words.set(name, 'on');
    else if (value !== false && value !== '') words.set(name, value);
  }
  return `${path}?${words}`;
}

const QUESTIONS = [
  ['/trace', 'Trace'],
  ['/why', 'Why'],
  ['/prove', 'Prove'],
] as const;

const STYLE = `nav a{margin-right:1em}form{display:flex;flex-wrap:wrap;gap:.5em;align-items:end;margin:.6em 0}
label{display:flex;flex-direction:column;font-size:.85em}label.row{flex-direction:row;gap:.3em;align-items:center}
input,select,button,textarea{font:inherit;padding:.25em .4em;max-width:100%}input[name=port],input[name=size]{width:6em}
a:focus-visible,button:focus-visible,input:focus-visible,summary:focus-visible{outline:3px solid #57f;outline-offset:2px}
td.cell{text-align:center;white-space:nowrap}main{overflow-wrap:anywhere}.scroll table{overflow-wrap:normal}`;

/** Names offered while one types; with more than this the page would be slow to read. */
const OFFERED = 500;

/** A whole page with the form on top. */
export function served(of: Served, title: string, query: Query, body: string): string {
  const other = of.other === null ? '' : '<a href="/diff">Before and after</a>';
  return htmlPage(
    `${title} · hopwise`,
    `<style>${STYLE}</style><header><nav aria-label="Pages"><a href="/">${forMarkup(of.name)}</a>` +
      `<a href="/map">Map</a><a href="/matrix">Matrix</a><a href="/simulate">Simulate</a>${other}</nav>${form(of, query)}</header>\n<main>${body}</main>`,
  );
}

function form({ servers }: Served, query: Query): string {
  const offered = servers.slice(0, OFFERED).map((name) => `<option value="${forMarkup(name)}">`);
  const buttons = QUESTIONS.map(([path, name]) => `<button formaction="${path}">${name}</button>`);
  const choices = (['icmp', 'tcp', 'udp'] as const).map(
    (name) => `<option${name === query.protocol ? ' selected' : ''}>${name}</option>`,
  );
  return `<form action="/trace" aria-label="Question">
<label>From<input name="from" list="ends" required value="${forMarkup(query.from)}"></label>
<label>To<input name="to" list="ends" required value="${forMarkup(query.to)}"></label>
<label>Protocol<select name="protocol">${choices.join('')}</select></label>
<label>Port<input name="port" inputmode="numeric" value="${forMarkup(query.port)}"></label>
<label>Bytes<input name="size" inputmode="numeric" value="${forMarkup(query.size)}"></label>
<label class="row"><input type="checkbox" name="df"${query.df ? ' checked' : ''}>DF</label>
<label class="row"><input type="checkbox" name="ipv6"${query.ipv6 ? ' checked' : ''}>IPv6</label>
${buttons.join('')}<datalist id="ends">${offered.join('')}</datalist></form>`;
}
