/**
 * The transcript that `ovs-appctl ofproto/trace` prints, as data (ovs-vswitchd(8)): passes with
 * the tables they hit, the packet at the end, datapath actions.
 */

/** A table lookup: bridge, table, priority (null for a miss) and the match of the flow. */
export type TracedHit = readonly [string, number, number | null, string];

export interface TracedPass {
  /** The packet the pass began with. */
  readonly flow: string;
  /** The states that a resumption was given. */
  readonly state: string | null;
  readonly hits: readonly TracedHit[];
  /** Something was flooded, and in which order is up to a hash of pointers. */
  readonly unordered: boolean;
  readonly finalFlow: string;
  readonly actions: string;
  readonly error: string | null;
  /** The indented lines, for whoever looks for single words. */
  readonly lines: readonly string[];
}

const RULE = '='.repeat(79);

/** All passes of a transcript. */
export function parseTranscript(text: string): TracedPass[] {
  const passes: TracedPass[] = [];
  let state: string | null = null;
  let isHead = false;
  let section: string[] = [];
  const close = () => {
    const pass = passOf(section, state);
    if (pass !== null) passes.push(pass);
    section = [];
  };
  for (const line of text.split('\n')) {
    if (line === RULE) {
      if (!isHead) {
        close();
        state = null;
      }
      isHead = !isHead;
    } else if (isHead) {
      state = / ct_state=(\S+)/.exec(line)?.[1] ?? state;
    } else section.push(line);
  }
  close();
  return passes;
}

function passOf(section: readonly string[], state: string | null): TracedPass | null {
  const start = section.findIndex((line) => line.startsWith('Flow: '));
  const end = section.findIndex((line) => line.startsWith('Final flow: '));
  if (start < 0 || end < 0) return null;
  const after = (word: string) =>
    section.find((line) => line.startsWith(word))?.slice(word.length) ?? null;
  const lines = section.slice(start + 1, end);
  return {
    flow: section[start]?.slice('Flow: '.length) ?? '',
    state,
    hits: hitsOf(lines),
    unordered: lines.some((line) => /flood/.test(line) || /^\s*(FLOOD|ALL|NORMAL)$/.test(line)),
    finalFlow: after('Final flow: ') ?? '',
    actions: after('Datapath actions: ') ?? '',
    error: after('Translation failed (')?.split(')')[0] ?? null,
    lines,
  };
}

const BRIDGE = /^ *bridge\("(.*)"\)$/;
const LOOKUP = /^ *(\d+)(?:\([^)]*\))?\. (.*)$/;
const FOUND = /^(.*?),? ?priority (\d+)(?:, cookie 0x[0-9a-f]+)?$/;
/** The switch's own rules for misses; behind a patch port they are printed as if they were flows. */
const HIDDEN_MISS = /^reg0=0x[123]$/;

function column(line: string): number {
  return Math.floor((line.length - line.trimStart().length) / 4);
}

function hitsOf(lines: readonly string[]): TracedHit[] {
  const hits: TracedHit[] = [];
  /** Bridges with the column that their lines have at least. */
  const open: { readonly name: string; readonly from: number }[] = [];
  const content = lines.filter((line) => line.trim() !== '' && !/^ *-+$/.test(line));
  for (const [i, line] of content.entries()) {
    const at = column(line);
    while (at < (open.at(-1)?.from ?? 0)) open.pop();
    const bridge = BRIDGE.exec(line);
    if (bridge !== null) {
      // The last entry of a list is not indented, and nothing of the list follows it.
      const inside = column(content[i + 1] ?? '') > at;
      open.push({ name: bridge[1] ?? '', from: inside && at > 0 ? at + 1 : at });
      continue;
    }
    const lookup = LOOKUP.exec(line);
    if (lookup === null) continue;
    const [, table = '', rest = ''] = lookup;
    const name = open.at(-1)?.name ?? '';
    const found = FOUND.exec(rest.trim());
    if (/^(No match|Packets are IP fragments)/.test(rest)) {
      hits.push([name, Number(table), null, '']);
    } else if (found !== null) {
      const [, match = '', priority = ''] = found;
      const isMiss = priority === '0' && HIDDEN_MISS.test(match) && !rest.includes('cookie');
      hits.push([name, Number(table), isMiss ? null : Number(priority), isMiss ? '' : match]);
    }
  }
  return hits;
}
