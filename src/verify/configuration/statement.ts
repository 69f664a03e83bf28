/** How statements of all kinds are made: what most of them have in common. */
import { type NamespaceState } from '../../dataplane/network.ts';
import { type Origin } from '../../text/problem.ts';
import { type NeutronRef } from '../../trace/objects.ts';
import { type Section, type Statement } from './types.ts';

type Optional = Partial<Pick<Statement, 'subject' | 'text' | 'origin' | 'about' | 'needs'>>;

/** A statement that says what its text says, about itself, unless told otherwise. */
export function statement(meaning: string, more: Optional = {}): Statement {
  return {
    subject: more.subject ?? meaning,
    meaning,
    text: more.text ?? meaning,
    origin: more.origin ?? (() => ({ file: '', line: 0 })),
    about: more.about ?? ((): NeutronRef | null => null),
    needs: more.needs ?? [],
  };
}

/** A section in which order does not count and nothing is unknown. */
export function section(
  host: string,
  device: string,
  part: string,
  statements: readonly Statement[],
): Section {
  return { host, device, part, statements, commute: null };
}

/** A file of a namespace and the first line with some text; line 0 when none has it. */
export function lineOf(
  state: NamespaceState,
  file: string,
  ...words: readonly string[]
): () => Origin {
  return () => {
    const source = state.source(file);
    if (source === undefined) return { file, line: 0 };
    const lines = source.text.split('\n');
    const at = lines.findIndex((line) => words.every((word) => line.includes(word)));
    return { file: source.file, line: at + 1 };
  };
}
