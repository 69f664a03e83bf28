/**
 * The frame of every page that is written as one file: it needs no script and asks nobody for
 * anything. What stands in the body is escaped by whoever wrote it (`forMarkup`).
 */
import { forMarkup } from './escape.ts';

const STYLE = `:root{color-scheme:light dark;--line:#8885;--dim:#666;--bad:#b3261e;--good:#146c43;--unsure:#8a5a00}
@media (prefers-color-scheme:dark){:root{--dim:#aaa;--bad:#ff8a80;--good:#7fd6a4;--unsure:#ffcc66}}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:76rem;padding:1rem}
h1{font-size:1.3rem;line-height:1.3;margin:.2em 0 .6em;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:1.4em 0 .4em}
table{border-collapse:collapse;font-size:.9em}td,th{text-align:left;padding:.15em .8em .15em 0;vertical-align:top;border-bottom:1px solid var(--line)}
code,pre{font:.86em/1.5 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}
.bad{color:var(--bad)}.good{color:var(--good)}.unsure{color:var(--unsure)}.dim{color:var(--dim)}
.scroll{overflow-x:auto}summary{cursor:pointer;padding:.2em 0}details{border-bottom:1px solid var(--line)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:34rem){dl{display:block}dd{margin:0 0 .4em}}`;

/** A whole page; `title` is plain text, `body` is markup. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${forMarkup(title)}</title><style>${STYLE}</style></head>
<body>
${body}
</body></html>
`;
}
