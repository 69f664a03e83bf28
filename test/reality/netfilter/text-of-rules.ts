/** Our text of rules beside that of iptables-save, where the two backends differ in it. */
import { parseIptablesSave, printIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';
import { type Backend, plainLines, type TableText } from './kernel-text.ts';

/** What we read and print again, and what we complained about. */
export function ourText({ text, version }: TableText): {
  readonly text: string;
  readonly problems: readonly string[];
} {
  const { value, problems } = parseIptablesSave(text, 'rules', version);
  return { text: printIptablesSave(value), problems: problems.map(({ message }) => message) };
}

/** The rules of a text, without counters; `null` stays null. */
export function rulesIn(text: string): readonly string[] {
  return plainLines(text)
    .split('\n')
    .filter((line) => line.startsWith('-A'));
}

/**
 * What the nft backend of iptables 1.8.9 loses or turns around: the range of NFLOG, and of
 * TCP and UDP a negated interval that starts at port 0.
 */
export function spelledBy(backend: Backend, rule: string): string {
  if (backend === 'legacy') return rule;
  const plain = rule.replace(/ --nflog-range \d+/, '');
  if (!/ -m (tcp|udp) /.test(plain)) return plain;
  return plain.replace(/ ! --([sd]port) 0:(\d+)/g, (_, port, last) => {
    const first = Number(last) + 1;
    return ` --${port} ${first === 65535 ? first : `${first}:65535`}`;
  });
}
