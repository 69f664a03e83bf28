/**
 * Names, comments and ids come from tenants. Whatever is shown goes through here once, at the
 * very edge, so that no terminal, page or report can be steered by it.
 */

/**
 * What could redraw a terminal, hide or reorder text: controls, format characters (bidirectional
 * overrides, zero widths, tags), line and paragraph separators, lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The same without what JSON's own layout and `JSON.stringify` take care of. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

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

/**
 * JSON of a plain value, indented by one blank. What could redraw a terminal stands as `\uNNNN`
 * in it: the value that a reader gets is the same.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 1).replaceAll(UNSAFE_IN_JSON, (character) => {
    const units = character.split('').map((unit) => unit.charCodeAt(0));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}

/** A message of a workflow command (`::error …::MESSAGE`), in which `%` begins an escape. */
export function forWorkflowMessage(text: string): string {
  return forTerminal(text).replaceAll('%', '%25');
}

/** A property of a workflow command (`::error file=VALUE`): colons and commas end it. */
export function forWorkflowProperty(text: string): string {
  return forWorkflowMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
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

/**
 * Text inside a quoted label of a Mermaid chart: whatever is not plain stands as its number, so
 * that no directive, link, style or markup can begin in it.
 */
export function forMermaid(text: string): string {
  return forTerminal(text).replaceAll(
    /[^A-Za-z0-9 .,:_/+=-]/gu,
    (character) => `#${character.codePointAt(0)};`,
  );
}

/** Text inside a quoted string of a DOT graph, in which a backslash begins an escape. */
export function forDot(text: string): string {
  return forTerminal(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}

/**
 * Text inside a Markdown paragraph, list or table cell (CommonMark §2.4, GitHub's tables and
 * mentions): whatever could mark something up is escaped, HTML as well.
 */
export function forMarkdown(text: string): string {
  return forTerminal(text)
    .replaceAll(/[\\`*_{}[\]()#+!|~$^=.:-]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '&#64;');
}

/** Cuts long text so that one hostile name cannot fill a screen. */
export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}
