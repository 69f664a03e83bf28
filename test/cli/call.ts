/** Calls of the command line inside of a test: words in, texts and exit code out. */
import { join } from 'node:path';
import { run } from '../../src/cli/program.ts';
import { ROOT } from '../sources.ts';

export interface Answer {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

export interface Surroundings {
  readonly environment?: Readonly<Record<string, string>>;
  /** Set when both streams are terminals of this width. */
  readonly terminal?: number;
}

/** Runs one command as a shell would, with streams that are files unless told otherwise. */
export async function hopwise(
  words: readonly string[],
  { environment = {}, terminal }: Surroundings = {},
): Promise<Answer> {
  const texts = { out: '', err: '' };
  const stream = (name: 'out' | 'err') => ({
    write: (text: string) => {
      texts[name] += text;
    },
    isTTY: terminal !== undefined,
    columns: terminal,
  });
  const code = await run(words, { out: stream('out'), err: stream('err'), environment });
  return { ...texts, code };
}

export const DEMO = join(ROOT, 'demo/ovs-vxlan-ovsfw');
