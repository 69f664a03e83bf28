/** `--dhcp-option` and the lines of `--dhcp-optsfile`. */
import { linesOf } from '../../../../text/lines.ts';
import { type Parsed } from '../../../../text/problem.ts';
import { type DhcpOptionSetting, type Tag } from '../types.ts';
import { encodeOption } from './option-data.ts';
import { formOf, OPTION_NAMES_4, OPTION_NAMES_6 } from './option-names.ts';
import { complain, type Place, readTag, splitCommas } from './words.ts';

/** Reads `[tag:T,]…[option:NAME|option6:NAME|NUMBER][,VALUE…]`; undefined with a problem. */
export function readOption(
  text: string,
  force: boolean,
  place: Place,
): DhcpOptionSetting | undefined {
  const tags: Tag[] = [];
  const words = [...splitCommas(text)];
  while (words.length > 0) {
    const [word = ''] = words;
    const tag = readTag(word);
    if (tag !== undefined) tags.push(tag);
    // Simplification: options for one vendor class only (`vendor:`, `encap:`, `vi-encap:`) are
    // read and never sent.
    else if (/^(vendor|encap|vi-encap):/.test(word)) tags.push({ name: word, not: false });
    // The oldest form names the tag without a word before it.
    else if (words.length > 1 && isOldTag(word)) tags.push({ name: word, not: false });
    else break;
    words.shift();
  }
  const code = readCode(words.shift() ?? '', place);
  if (code === undefined) return undefined;
  const encoded = encodeOption(words, code.form, code.version);
  if (encoded === null) {
    complain(place, words.join(','), 'the value does not fit the option');
    return undefined;
  }
  const origin = { file: place.file, line: place.line };
  const { version, number } = code;
  // Boot file and server names end with a zero byte: clients that copy them want it.
  const ended = version === 4 && (number === 66 || number === 67) && encoded.data.length > 0;
  const data = ended ? Uint8Array.of(...encoded.data, 0) : encoded.data;
  return { version, code: number, tags, data, own: encoded.own, force, text, origin };
}

function isOldTag(word: string): boolean {
  return /^[a-zA-Z][\w-]*$/.test(word);
}

function readCode(
  word: string,
  place: Place,
): { version: 4 | 6; number: number; form: ReturnType<typeof formOf> } | undefined {
  const [, six, name] = /^option(6?):(.+)$/.exec(word) ?? [];
  const version = six === '6' ? 6 : 4;
  const key = name ?? word;
  if (/^\d{1,5}$/.test(key)) {
    return { version, number: Number(key), form: formOf(version, Number(key)) };
  }
  const names = version === 6 ? OPTION_NAMES_6 : OPTION_NAMES_4;
  const found = name === undefined ? undefined : names.get(name);
  if (found !== undefined) return { version, number: found.code, form: found.form };
  const prefix = `option${version === 6 ? '6' : ''}:`;
  complain(
    place,
    word,
    'unknown DHCP option',
    [...names.keys()].map((one) => prefix + one),
  );
  return undefined;
}

/** A file of `--dhcp-optsfile`: one option per line, `#` starts a comment. */
export function parseOptionsFile(text: string, file: string): Parsed<readonly DhcpOptionSetting[]> {
  const { lines, problems } = linesOf(file, text);
  const value = lines.flatMap((line, index) => {
    const words = line.replace(/(^|\s)#.*$/, '').trim();
    if (words === '') return [];
    const place: Place = { file, line: index + 1, column: 1, text: line, problems };
    return readOption(words, false, place) ?? [];
  });
  return { value, problems };
}
