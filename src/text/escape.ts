/**
 * Names, comments and ids come from tenants. Whatever is shown goes through here once, at the
 * very edge, so that no terminal, page or report can be steered by it.
 */

/** Control characters, bidirectional overrides and line separators, which could redraw a terminal. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** One line for a terminal: every unsafe character as a visible `\xNN` or `\u{NNNN}`. */
export function forTerminal(text: string): string {
  return text.replaceAll(UNSAFE, visible);
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** The drawing characters of our own output, and what stands for them in plain ASCII. */
const GLYPHS: Readonly<Record<string, string>> = {
  '✓': '+',
  '✗': 'x',
  '→': '->',
  '─': '-',
  '╳': 'X',
  '≠': '!=',
  '’': "'",
  '“': '"',
  '”': '"',
  '·': ';',
  '—': '-',
  '…': '...',
};

/** For character sets without Unicode: our glyphs by their stand-ins, all else as `\u{NNNN}`. */
export function asciiOnly(text: string): string {
  return text.replaceAll(
    /[^\u0000-\u007f]/gu,
    (character) => GLYPHS[character] ?? visible(character),
  );
}

/** Text inside an HTML or XML element or a quoted attribute. */
export function forMarkup(text: string): string {
  return forTerminal(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Cuts long text so that one hostile name cannot fill a screen. */
export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}
