/** Faults of what filters and translates: iptables, ebtables, arptables and sets. */
import { inNamespaces, rewrite, rewriteLines } from './dump.ts';
import { type EditRow, type EditWords } from './edit-row.ts';

/** The saved rules of one tool; iptables when none is named. */
function place(words: EditWords): (name: string) => boolean {
  const tool = words.optional('tool') ?? 'iptables';
  return inNamespaces(words.one('host'), words.optional('namespace'), `${tool}-save.txt`);
}

export const filterEdits = {
  lose_rules: {
    says: 'Rules that hold all the words are gone.',
    needs: ['host', 'with'],
    may: ['namespace', 'tool'],
    apply: (files, words) =>
      rewrite(files, place(words), (text) =>
        rewriteLines(text, words.all('with'), (line) => (line.startsWith('-') ? undefined : line)),
      ),
  },
  change_rules: {
    says: 'Rules that hold all the words say something else.',
    needs: ['host', 'with', 'replace', 'by'],
    may: ['namespace', 'tool'],
    apply: (files, words) =>
      rewrite(files, place(words), (text) =>
        rewriteLines(text, words.all('with'), (line) =>
          line.replace(words.one('replace'), words.one('by')),
        ),
      ),
  },
  insert_rule: {
    says: 'A chain begins with one rule more: `-A CHAIN …`, or `-t TABLE` before it.',
    needs: ['host', 'rule'],
    may: ['namespace', 'tool', 'table'],
    apply: (files, words) =>
      rewrite(files, place(words), (text) => {
        const table = `*${words.optional('table') ?? 'filter'}\n`;
        const at = text.indexOf(table);
        if (at < 0) return text;
        const first = text.slice(at).search(/^(-A|COMMIT)/m);
        const cut = at + first;
        return `${text.slice(0, cut)}${words.one('rule')}\n${text.slice(cut)}`;
      }),
  },
  lose_set_members: {
    says: 'Members of sets that hold all the words are gone.',
    needs: ['host', 'with'],
    may: ['namespace'],
    apply: (files, words) =>
      rewrite(
        files,
        inNamespaces(words.one('host'), words.optional('namespace'), 'ipset-save.txt'),
        (text) =>
          rewriteLines(text, words.all('with'), (line) =>
            line.startsWith('add ') ? undefined : line,
          ),
      ),
  },
} as const satisfies Record<string, EditRow>;
