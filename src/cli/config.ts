/**
 * Usual values of options from files: `hopwise.config.yaml` in this folder or above it, then
 * `$XDG_CONFIG_HOME/hopwise/config.yaml`. The command line wins, then the environment, then the
 * project's file, then the user's.
 *
 *     snapshot: ./dump          # wherever there is a --snapshot
 *     check: { format: junit }  # of one command
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Problem, problemLine } from '../text/problem.ts';
import { nearest } from '../text/suggest.ts';
import { type CommandWords, type OptionWords } from './command-tree.ts';
import { UsageError } from './exit-codes.ts';
import { type Io } from './io.ts';

/** One value, and where it was written. */
export interface Setting {
  readonly value: string | boolean | readonly string[];
  readonly place: string;
}

/** The files that count, the strongest first. */
export function configFiles(environment: Io['environment'], folder: string): readonly string[] {
  const given = environment['HOPWISE_CONFIG'];
  if (given !== undefined) return given === '' ? [] : [resolve(given)];
  const files: string[] = [];
  for (let at = resolve(folder); ; at = dirname(at)) {
    const file = join(at, 'hopwise.config.yaml');
    if (existsSync(file)) {
      files.push(file);
      break;
    }
    if (dirname(at) === at) break;
  }
  const home = environment['XDG_CONFIG_HOME'] ?? join(environment['HOME'] ?? '/', '.config');
  const own = join(home, 'hopwise/config.yaml');
  return existsSync(own) ? [...files, own] : files;
}

/** The values that files give to the options of a command, by their long names without dashes. */
export async function settingsFor(
  files: readonly string[],
  root: CommandWords,
  command: CommandWords,
): Promise<ReadonlyMap<string, Setting>> {
  const settings = new Map<string, Setting>();
  for (const file of files) {
    for (const [name, setting] of await settingsOf(file, root, command)) {
      if (!settings.has(name)) settings.set(name, setting);
    }
  }
  return settings;
}

async function settingsOf(
  file: string,
  root: CommandWords,
  command: CommandWords,
): Promise<ReadonlyMap<string, Setting>> {
  const [{ yamlRoot }, { placeOf }] = await Promise.all([
    import('../text/yaml-text.ts'),
    import('../text/json-text.ts'),
  ]);
  const problems: Problem[] = [];
  const node = yamlRoot(file, read(file), problems);
  const settings = new Map<string, Setting>();
  const known = new Set(root.commands.flatMap(({ options }) => options.map(nameOf)));
  const commands = new Set(root.commands.map(({ name }) => name));
  const complain = (
    path: readonly string[],
    message: string,
    word: string,
    all: Iterable<string>,
  ): void => {
    const hint = nearest(word, all);
    if (node === undefined) return;
    const place = placeOf({ source: node.source, path, value: word });
    problems.push({
      file,
      ...place,
      text: word,
      message,
      ...(hint === undefined ? {} : { didYouMean: hint }),
    });
  };
  const take = (path: readonly string[], name: string, value: unknown): void => {
    const option = command.options.find((one) => nameOf(one) === name);
    if (option === undefined) return;
    const read = valueOf(option, value, dirname(file));
    if (read === null) complain(path, `This is no value of --${name}`, String(value), []);
    else settings.set(name, { value: read, place: file });
  };
  const top: unknown = node?.value ?? {};
  if (node !== undefined && (typeof top !== 'object' || Array.isArray(top))) {
    complain([], 'Expected names of options with their values', '', []);
  } else {
    for (const [name, value] of Object.entries(top as Record<string, unknown>)) {
      if (known.has(name)) take([name], name, value);
      else if (!commands.has(name))
        complain([name], 'There is no such option or command', name, [...known, ...commands]);
    }
    const own = (top as Record<string, unknown>)[command.name];
    if (typeof own === 'object' && own !== null) {
      const names = command.options.map(nameOf);
      for (const [name, value] of Object.entries(own)) {
        if (names.includes(name)) take([command.name, name], name, value);
        else
          complain([command.name, name], `hopwise ${command.name} has no such option`, name, names);
      }
    }
  }
  const [first, ...rest] = problems.map(problemLine);
  if (first !== undefined) throw new UsageError(first, ...rest);
  return settings;
}

function nameOf({ long }: OptionWords): string {
  return long.slice(2);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** A value as the command line would have it; paths count from the file's folder. */
function valueOf(option: OptionWords, value: unknown, folder: string): Setting['value'] | null {
  if (option.value === 'none') return typeof value === 'boolean' ? value : null;
  const word = (one: unknown): string | null => {
    if (typeof one !== 'string' && typeof one !== 'number') return null;
    return option.value === 'path' && !String(one).includes('=')
      ? resolve(folder, String(one))
      : String(one);
  };
  if (!Array.isArray(value)) return word(value);
  const words = value.map(word);
  return words.every((one) => one !== null) ? words : null;
}
