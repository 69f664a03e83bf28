/**
 * What somebody copied from a shell: a prompt and a command, then its output, then the next. Each
 * part keeps its line numbers, so that problems name the lines of the whole file.
 */

/** The output of one command. */
export interface TranscriptPart {
  /** Without prompt, `sudo` and `ip netns exec NAME`. */
  readonly command: string;
  /** The namespace the command names; null when it names none. */
  readonly namespace: string | null;
  /** Lines above the output are empty. */
  readonly text: string;
}

const TOOLS =
  'ip6?tables(?:-legacy|-nft)?(?:-save)?|ip|bridge|brctl|route|ifconfig|arp|ss|netstat|sysctl|' +
  'ipset|ebtables-save|arptables-save|nft|conntrack|ovs-vsctl|ovs-ofctl|ovs-appctl|ovs-dpctl';
const PROMPT = '(?:\\[?[\\w.-]+@[^#$]*[#$]|[#$>])';
const COMMAND = new RegExp(
  `^${PROMPT}\\s*(?:sudo\\s+)?(?:ip\\s+(?:netns\\s+exec|-n|-netns)\\s+(\\S+)\\s+)?((?:${TOOLS})\\b.*)$`,
);
/** Any other line that a shell or a person put between two outputs. */
const OTHER = /^(?:\[?[\w.-]+@[^#$]*[#$]|#(?! (?:Generated|Completed)\b))/;
const ROUTES = /^ip ((?:-\S+ )*)r(?:oute)?(?: (?:show|list|ls))?(?: table (\S+))?$/;

/**
 * Cuts a transcript into its parts; null when the text does not begin with a command. Several
 * outputs of `ip route show table N` become one with the tables written behind the routes.
 */
export function splitTranscript(text: string): readonly TranscriptPart[] | null {
  const lines = text.split('\n');
  const first = lines.find((line) => line.trim() !== '');
  if (first === undefined || !COMMAND.test(first)) return null;
  const parts = new Map<string, { command: string; namespace: string | null; lines: string[] }>();
  let open: { part: { lines: string[] }; table: string } | null = null;
  for (const [i, line] of lines.entries()) {
    const found = COMMAND.exec(line);
    if (found !== null) {
      const namespace = found[1] ?? null;
      const written = wordsOf(found[2] ?? '');
      // Alone it shows the main table; all tables of a transcript go together.
      const routes = ROUTES.exec(written);
      const table = routes?.[2] ?? 'all';
      const command = routes === null ? written : `ip ${routes[1] ?? ''}route show table all`;
      const key = `${namespace ?? ''} ${command}`;
      const part = parts.get(key) ?? { command, namespace, lines: [] };
      parts.set(key, part);
      open = { part, table: table === 'all' ? '' : ` table ${table}` };
    } else if (OTHER.test(line)) open = null;
    else if (open !== null && line.trim() !== '') {
      const { part, table } = open;
      while (part.lines.length < i) part.lines.push('');
      part.lines.push(table === '' || /^\s/.test(line) ? line : `${line}${table}`);
    }
  }
  return [...parts.values()].map(({ command, namespace, lines: of }) => ({
    command,
    namespace,
    text: `${of.join('\n')}\n`,
  }));
}

/** Without pipes into a pager, remarks in brackets and repeated blanks. */
function wordsOf(command: string): string {
  return command
    .replace(/\s*(\||\().*$/, '')
    .trim()
    .replace(/\s+/g, ' ');
}
